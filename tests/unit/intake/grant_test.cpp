// Who is let in, and what the others are told.
#include "intake/grant.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/uuid.h"
#include "wire/protocol.h"

namespace tributary {
namespace {

using testing::HasSubstr;
using testing::Not;

class GrantTest : public testing::Test {
 protected:
  GrantTest() {
    intake.tables = {"public.document", "survey.*"};
    intake.children = {ChildConfig{"district-a", {}, {}}, ChildConfig{"district-b", {}, {}}};
    link::Hello& hello = *frame.mutable_hello();
    hello.set_protocol_version(kProtocolVersion);
    hello.set_node("district-a");
    hello.set_instance(Uuid::random().to_bytes());
    hello.set_parent("region-1");
    hello.add_tables("public.document");
    hello.add_tables("survey.point");
  }
  std::optional<Denial> judged() const { return judge_greeting(frame, certificate, "region-1", intake); }
  void expect_denied(link::RefusalCode code, const std::string& words) {
    const auto denial = judged();
    ASSERT_TRUE(denial) << words;
    EXPECT_EQ(denial->code, code) << denial->message;
    EXPECT_THAT(denial->message, HasSubstr(words));
  }

  link::Frame frame;
  std::vector<std::string> certificate = {"a.example.org", "district-a"};
  IntakeConfig intake;
};

TEST_F(GrantTest, WelcomesAListedChild) {
  EXPECT_FALSE(judged());
}

TEST_F(GrantTest, AChildMayHaveFewerTables) {
  frame.mutable_hello()->clear_tables();
  EXPECT_FALSE(judged());
}

TEST_F(GrantTest, TheFirstFrameMustBeAGreeting) {
  frame.mutable_ping()->set_sent_at(1);
  expect_denied(link::REFUSAL_PROTOCOL, "must be a Hello");
}

TEST_F(GrantTest, AnotherProtocolVersionIsNotSpoken) {
  frame.mutable_hello()->set_protocol_version(kProtocolVersion + 1);
  expect_denied(link::REFUSAL_PROTOCOL, "version 3");
}

TEST_F(GrantTest, AnInstanceIsAUuid) {
  for (const std::string& instance : {std::string(), std::string(15, 'x'), std::string(17, 'x')}) {
    frame.mutable_hello()->set_instance(instance);
    expect_denied(link::REFUSAL_PROTOCOL, "instance");
  }
}

TEST_F(GrantTest, ANodeMustBearTheNameInItsCertificate) {
  for (const std::vector<std::string>& names :
       {std::vector<std::string>{}, {"district-b"}, {"*"}, {"DISTRICT-A"}, {"district-a.example.org"}}) {
    certificate = names;
    expect_denied(link::REFUSAL_UNKNOWN_NODE, "its certificate names");
  }
}

TEST_F(GrantTest, ANodeMustBeListed) {
  frame.mutable_hello()->set_node("district-c");
  certificate = {"district-c"};
  expect_denied(link::REFUSAL_UNKNOWN_NODE, "district-c is not a child of region-1");
  frame.mutable_hello()->set_node("");
  certificate = {""};
  expect_denied(link::REFUSAL_UNKNOWN_NODE, "is not a child");
}

TEST_F(GrantTest, AChildOfAnotherParentIsSentAway) {
  frame.mutable_hello()->set_parent("region-2");
  expect_denied(link::REFUSAL_WRONG_PARENT, "this is region-1, not region-2");
}

TEST_F(GrantTest, EveryTableOutsideTheGrantIsNamedAndNoOther) {
  frame.mutable_hello()->add_tables("public.secret");
  frame.mutable_hello()->add_tables("surveys.point");
  frame.mutable_hello()->add_tables("");
  const auto denial = judged();
  ASSERT_TRUE(denial);
  EXPECT_EQ(denial->code, link::REFUSAL_TABLES);
  EXPECT_THAT(denial->message, HasSubstr("public.secret, surveys.point"));
  EXPECT_THAT(denial->message, Not(HasSubstr("public.document")));
}

}  // namespace
}  // namespace tributary
