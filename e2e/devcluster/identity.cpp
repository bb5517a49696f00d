#include "devcluster/identity.hpp"

#include <algorithm>
#include <mutex>
#include <random>

#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>

namespace devcluster {
namespace {

std::mt19937_64& generator() {
  thread_local std::mt19937_64 engine{std::random_device{}()};
  return engine;
}

}  // namespace

bool User::in(const std::string& group) const {
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

void Identity::add(std::string token, Token what) {
  const std::unique_lock lock(mutex_);
  tokens_[std::move(token)] = std::move(what);
}

std::optional<Identity::Token> Identity::find(const std::string& token) const {
  const std::shared_lock lock(mutex_);
  const auto found = tokens_.find(token);
  if (found == tokens_.end()) return std::nullopt;
  return found->second;
}

User service_account_user(const std::string& ns, const std::string& name, const std::string& uid) {
  return {"system:serviceaccount:" + ns + ":" + name,
          {"system:serviceaccounts", "system:serviceaccounts:" + ns, "system:authenticated"},
          uid};
}

User anonymous() { return {"system:anonymous", {"system:unauthenticated"}, ""}; }

std::string make_uid() { return to_string(boost::uuids::basic_random_generator(generator())()); }

std::string random_suffix(std::size_t length) {
  constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::uniform_int_distribution<std::size_t> pick(0, kAlphabet.size() - 1);
  std::string out;
  for (std::size_t i = 0; i < length; ++i) out += kAlphabet[pick(generator())];
  return out;
}

}  // namespace devcluster
