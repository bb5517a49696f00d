#include "diagnose/text.hpp"

#include <array>
#include <random>

#include <gmock/gmock.h>

#include "api/json.hpp"
#include "diagnose/diagnose.hpp"

namespace swo::diagnose {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(CleanLines, HaveNoEscapeSequences) {
  EXPECT_THAT(clean_lines("[\x1b[0;32m  OK  \x1b[0m] Started \x1b[0;1;39mx\x1b[0m.\r\n"),
              ElementsAre("[  OK  ] Started x."));
  EXPECT_THAT(clean_lines("a\x1b]0;title\x07"
                          "b\n\x1b]8;;http://x\x1b\\c\x1b(Bd"),
              ElementsAre("ab", "cd"));
  EXPECT_THAT(clean_lines("one\rtwo\r\n\n\tthree \n"), ElementsAre("one", "two", " three"));
  EXPECT_THAT(clean_lines("\x1b"), ElementsAre());
  EXPECT_THAT(clean_lines("x\x1b["), ElementsAre("x"));
}

TEST(CleanLines, AreValidUtf8) {
  EXPECT_THAT(clean_lines("caf\xC3\xA9 \xFF\xFE \xE2\x82"), ElementsAre("café ?? ??"));
  EXPECT_THAT(clean_lines("\xC0\x80 \xED\xA0\x80"), ElementsAre("?? ???"));
}

TEST(CleanLines, HaveNothingThatSteersATerminalOrTheOrderOfATextButWhatIsSeen) {
  EXPECT_THAT(clean_lines("a\u0080b\u009B31mc\u009Fd\x7F"
                          "e"),
              ElementsAre("ab31mcde"));
  EXPECT_THAT(clean_lines("a\u202Eb\u202Ac\u2066d\u2069e\u200Ef\u200Fg\u061Ch\u2028i"),
              ElementsAre("abcdefghi"));
  EXPECT_THAT(clean_lines("\u00A0é — ● “x” \u2065 漢 שלום"),
              ElementsAre("\u00A0é — ● “x” \u2065 漢 שלום"));
}

// Each holds the secret SECRET-ish value given beside it.
struct Leak {
  const char* line;
  const char* secret;
};
const std::array kLeaks = {
    Leak{"db password=hunter2 host=x", "hunter2"},
    Leak{"DB_PASSWORD: correct horse battery staple", "horse"},
    Leak{R"({"password": "hun ter2"})", "ter2"},
    Leak{"admin_password = 'hunter2'", "hunter2"},
    Leak{"ipa-server-install --admin-password hunter2xyz -U", "hunter2xyz"},
    Leak{"using token abc123def", "abc123def"},
    Leak{"password is swordfish", "swordfish"},
    Leak{"Authorization: Basic YWRtaW46aHVudGVyMg==", "YWRtaW46"},
    Leak{"curl -H 'Authorization: Bearer sha256~abcdef' x", "sha256~abcdef"},
    Leak{"postgres://admin:s3cr3t@db/x", "s3cr3t"},
    Leak{"got eyJhbGciOiJSUzI1NiIsImtpZCI6IkFCQyJ9.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJl",
         "eyJhbG"},
    Leak{"AWS wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY0 used", "wJalrXUtnFEMI"},
    Leak{"key 0123456789abcdef0123456789abcdef read", "0123456789abcdef"},
    Leak{"ghp_16C7e42F292c6912E7710c838347Ae178B4a", "16C7e42F"},
    Leak{"-----BEGIN PRIVATE KEY----- MIIEvQ", "MIIEvQ"},
    Leak{"client_secret=abc&x=y", "abc&x"},
    Leak{"PASSWD:x1y2", "x1y2"},
    Leak{"Set-Cookie: session=abcdef", "abcdef"},
};

TEST(Redaction, HidesSecrets) {
  for (const Leak& leak : kLeaks) {
    EXPECT_THAT(shown(leak.line), Not(HasSubstr(leak.secret))) << leak.line;
  }
}

TEST(Redaction, LeavesWhatIsNeededToUnderstand) {
  for (const char* line :
       {"Failed to create /init.scope control group: Permission denied",
        "Failed to create /kubepods.slice/kubepods-pod9e1d0b2c_1a2b_3c4d_5e6f_0a1b2c3d4e5f.slice/"
        "crio-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope/init.scope "
        "control group: Permission denied",
        "MountVolume.SetUp failed for volume \"kube-api-access-x7b2k\" : secret \"db\" not found",
        "MountVolume.SetUp failed for volume \"db-password\" : secret \"db\" not found",
        "couldn't find key password in Secret demo/db",
        "quay.io/x/y@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "mount_setattr `/var/run/secrets/kubernetes.io/serviceaccount`: Invalid argument",
        "0/5 nodes are available: 2 Insufficient cpu, 3 node(s) had untolerated taint {a: b}",
        "[  OK  ] Reached target basic.target - Basic System."}) {
    EXPECT_EQ(shown(line), line);
  }
}

TEST(Redaction, BoundsWhatIsShown) {
  std::string line;
  for (int i = 0; i < 400; ++i) {
    line += "é ";
  }
  EXPECT_LE(shown(line).size(), 404U);
  EXPECT_NO_THROW(static_cast<void>(Json(shown(line)).dump()));
}

// Every place of the evidence from which a line may be shown.
std::vector<Evidence> with_everywhere(const std::string& line) {
  Evidence crash;
  crash.phase = "Running";
  crash.host_users = false;
  crash.waiting_reason = "CrashLoopBackOff";
  crash.exit_code = 1;
  crash.log_known = true;
  crash.log_tail = line;
  Evidence create;
  create.create_error = line;
  Evidence scheduled = crash;
  scheduled.scheduled_message = line;
  Evidence evicted = crash;
  evicted.pod_reason = "Evicted";
  evicted.pod_message = line;
  Evidence waiting = crash;
  waiting.phase = "Pending";
  waiting.waiting_reason = "CreateContainerError";
  waiting.waiting_message = line;
  Evidence odd = waiting;
  odd.waiting_reason = "SomethingNew";
  Evidence image = waiting;
  image.waiting_reason = "ErrImagePull";
  Evidence mount = crash;
  mount.phase = "Pending";
  mount.waiting_reason = "ContainerCreating";
  mount.events = {"FailedMount: " + line};
  Evidence probe = crash;
  probe.waiting_reason = "";
  probe.restarts = 1;
  probe.events = {"Unhealthy: Readiness probe failed: " + line};
  return {crash, create, scheduled, evicted, waiting, odd, image, mount, probe};
}

TEST(Redaction, HoldsForEveryDiagnosis) {
  for (const Leak& leak : kLeaks) {
    for (const char* prefix :
         {"", "exceeded quota ", "Failed to create /init.scope control group: ",
          "Failed to mount API filesystems ", "mount_setattr "}) {
      for (const Evidence& evidence : with_everywhere(std::string(prefix) + leak.line)) {
        if (const auto diagnosis = diagnose(evidence, {})) {
          EXPECT_THAT(diagnosis->message(), Not(HasSubstr(leak.secret)))
              << diagnosis->reason << ": " << leak.line;
        }
      }
      if (const auto diagnosis = diagnose_log(std::string(prefix) + leak.line)) {
        EXPECT_THAT(diagnosis->message(), Not(HasSubstr(leak.secret)));
      }
    }
  }
}

// Bytes and fragments thrown together, the same in every run.
TEST(Diagnosis, TakesAnyBytesAndAlwaysGivesTextThatJsonCanHold) {
  constexpr unsigned kSeed = 20211130;
  constexpr int kRounds = 1500;
  const std::array<std::string, 14> fragments = {"\x1b[",
                                                 "\x1b]",
                                                 "\r",
                                                 "\n",
                                                 "Failed to create /",
                                                 "/init.scope control group: ",
                                                 "Failed to start ",
                                                 "probe failed: systemd is ",
                                                 ";",
                                                 "failed:",
                                                 "\xE2\x80",
                                                 "password=",
                                                 "] Job ",
                                                 "://a:b@"};
  std::mt19937 random(kSeed);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
  for (int round = 0; round < kRounds; ++round) {
    std::string text;
    for (std::size_t n = below(24); n > 0; --n) {
      if (below(2) == 0) {
        text += fragments[below(fragments.size())];
      } else {
        text += static_cast<char>(below(256));
      }
    }
    for (const Evidence& evidence : with_everywhere(text)) {
      const auto diagnosis = diagnose(evidence, {});
      ASSERT_NO_THROW(static_cast<void>(Json(diagnosis ? diagnosis->message() : "").dump()));
      const SystemdState state = systemd_state(evidence);
      ASSERT_NO_THROW(static_cast<void>(Json(state.failed_units).dump()));
    }
    const auto diagnosis = diagnose_log(text);
    ASSERT_NO_THROW(static_cast<void>(Json(diagnosis ? diagnosis->message() : "").dump()));
  }
}

}  // namespace
}  // namespace swo::diagnose
