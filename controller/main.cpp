#include "cli/app.hpp"

int main(int argc, char** argv) { return swo::cli::main(argc, argv); }
