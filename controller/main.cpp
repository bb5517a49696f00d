// The operator's program: see cli/ for its commands.
int main() { return 0; }
