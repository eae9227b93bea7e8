// What the agent has to remember over restarts.
#include "unit/queue/queue_fixture.h"

namespace tributary {
namespace {

using NoteTest = QueueTest;

TEST_F(NoteTest, outlives_the_process_that_wrote_it) {
  open_with_stream();
  EXPECT_EQ(queue_->note("refresh"), "");
  queue_->store_note("refresh", std::string("a\0b", 3));
  queue_->store_note("other", "c");
  queue_->store_note("other", "d");
  open();
  EXPECT_EQ(queue_->note("refresh"), std::string("a\0b", 3));
  EXPECT_EQ(queue_->note("other"), "d");
}

TEST_F(NoteTest, is_stored_with_the_batch_that_brought_it_about_or_not_at_all) {
  open_with_stream();
  Queue::Append append;
  append.batches = {batch_after(queue_->head(), 1)};
  append.notes = {{"refresh", "with the batch"}};
  queue_->append(append);
  append.batches = {batch_after(Position{}, 1)};  // follows nothing
  append.notes = {{"refresh", "without"}};
  EXPECT_THROW(queue_->append(append), Error);
  open();
  EXPECT_EQ(queue_->note("refresh"), "with the batch");
}

}  // namespace
}  // namespace tributary
