// W10: a link that is narrow, slow to answer, or gone now and then; a LinkProxy for every way.
#include <atomic>
#include <thread>

#include "bench/contest.h"
#include "bench/documents.h"
#include "bench/live_workloads.h"
#include "bench/measurement.h"
#include "bench/threads.h"

namespace tributary::test {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kMegabit = 125'000;  // bytes per second
constexpr uint64_t k64Kilobits = 8'000;
constexpr std::chrono::minutes kPatience{30};

// The link between district and region, until the end of this object.
class NarrowLink {
 public:
  NarrowLink(LinkProxy& link, uint64_t bytes_per_second, std::chrono::milliseconds round_trip) : link_(link) {
    link_.set_bytes_per_second(bytes_per_second);
    link_.set_delay(round_trip / 2);
  }
  ~NarrowLink() {
    link_.set_bytes_per_second(0);
    link_.set_delay(0ms);
  }

 private:
  LinkProxy& link_;
};

// Cuts the link for two seconds, 30 seconds after it came back, again and again until the end of this object.
class Cuts {
 public:
  explicit Cuts(LinkProxy& link) : thread_([this, &link] { run(link); }) {}
  ~Cuts() {
    is_over_ = true;
    thread_.join();
  }

 private:
  void run(LinkProxy& link) {
    while (wait(28s)) {
      link.cut();
      wait(2s);
      link.restore();
    }
  }
  bool wait(Clock::duration duration) {
    const auto until = Clock::now() + duration;
    while (!is_over_ && Clock::now() < until) std::this_thread::sleep_for(20ms);
    return !is_over_;
  }

  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

struct Carried {
  double seconds = 0;
  double wire_bytes = 0;
};

// From the first write until the last tier has everything.
Carried carry(Way& way, const std::function<void(Sql& district)>& write) {
  Measurement measurement(way);
  const auto began = Clock::now();
  std::atomic<bool> is_written = false;
  // Written beside the counting of bytes: a connection that is cut counts up to the last look at it.
  Threads writer;
  writer.start([&] {
    const std::shared_ptr<void> say(nullptr, [&](void*) { is_written = true; });
    Sql sql(way.conninfo(kDistrict));
    write(sql);
  });
  const auto look_until = [&](const std::function<bool()>& is_over) {
    while (!is_over()) {
      if (Clock::now() > began + kPatience) throw std::runtime_error("not everything arrived within the time limit");
      measurement.look();
      std::this_thread::sleep_for(20ms);
    }
  };
  look_until([&] { return is_written.load(); });
  writer.wait();
  writer.rethrow_failure();
  way.write_mark();
  look_until([&] { return way.has_mark(way.topology().top()); });
  measurement.look();
  return {std::chrono::duration<double>(Clock::now() - began).count(), measurement.wire_bytes()};
}

// Every edit is a transaction of its own, at its time.
void edit_documents(Sql& district, int documents, int edits, Clock::duration pace) {
  const auto began = Clock::now();
  for (int edit = 0; edit < edits; ++edit) {
    std::this_thread::sleep_until(began + edit * pace);
    district.exec("UPDATE document SET title = 'Edit ' || $2 || right(title, 30), updated_at = now() WHERE id = " +
                      document_id("$1::bigint"),
                  {std::to_string(1 + edit * 7919 % documents), std::to_string(edit) + " of "});
  }
}

Figures measure_cuts(Way& way, int documents) {
  LinkProxy& link = way.relay(kDistrict);
  const NarrowLink narrow(link, kMegabit, 300ms);
  Carried carried;
  {
    const Cuts cuts(link);
    carried = carry(way, [&](Sql& district) { insert_documents(district, 1, documents); });
  }
  link.restore();
  return {{"documents", documents},
          {"seconds", carried.seconds},
          {"documents_per_second", documents / carried.seconds},
          {"wire_bytes_per_document", carried.wire_bytes / documents}};
}

struct DaySizes {
  int documents, edits, lone_edits, photo_bytes;
};

Figures measure_day(Way& way, const DaySizes& sizes) {
  const NarrowLink narrow(way.relay(kDistrict), k64Kilobits, 0ms);
  const Carried documents = carry(way, [&](Sql& district) { insert_documents(district, 1, sizes.documents, {}, 100); });
  const Carried edits = carry(way, [&](Sql& district) { edit_documents(district, sizes.documents, sizes.edits, 5ms); });
  const Carried lone =
      carry(way, [&](Sql& district) { edit_documents(district, sizes.documents, sizes.lone_edits, 1s); });
  way.sql(kDistrict).exec(
      "INSERT INTO photo SELECT gen_random_uuid(), string_agg(decode(md5(random()::text), 'hex'), '')"
      " FROM generate_series(1, $1::int / 16)",
      {std::to_string(sizes.photo_bytes)});
  const Carried behind_photo = carry(way, [&](Sql& district) { edit_documents(district, sizes.documents, 1, 0s); });
  return {{"documents", sizes.documents},
          {"documents_seconds", documents.seconds},
          {"wire_bytes_per_document", documents.wire_bytes / sizes.documents},
          {"edits", sizes.edits},
          {"edits_seconds", edits.seconds},
          {"wire_bytes_per_edit", edits.wire_bytes / sizes.edits},
          {"wire_bytes_per_lone_edit", lone.wire_bytes / sizes.lone_edits},
          {"changes_per_second", (sizes.documents + sizes.edits) / (documents.seconds + edits.seconds)},
          {"photo_bytes", sizes.photo_bytes},
          {"edit_behind_photo_seconds", behind_photo.seconds}};
}

class NarrowLinkWorkload : public Workload {
 public:
  std::string name() const override { return "W10"; }
  std::string summary() const override {
    return "1 Mbit/s with cuts, and 64 kbit/s: documents, edits, an edit behind a photo";
  }
  // The link and not the machine sets the pace: one round tells all.
  void run(const Request& request, Report& report) override {
    const PublishedTable photos{.name = "photo", .columns = "id uuid PRIMARY KEY, image bytea NOT NULL"};
    const int documents = request.scaled(30'000);
    run_contest({.workload = "W10a",
                 .topology = {.tiers = 2, .is_relayed = true},
                 .rounds = 1,
                 .tables = {document_table()},
                 .measure = [&](Way& way) { return measure_cuts(way, documents); },
                 .speed = "documents_per_second",
                 .wire = "wire_bytes_per_document",
                 .note = "1 Mbit/s, 300 ms, cut for 2 s every 30 s"},
                request, report);
    // A fifth of the day, and a tenth of the photo, that the issue names: the times grow in proportion.
    const DaySizes sizes{request.scaled(4'000), request.scaled(1'000), request.scaled(30), request.scaled(500'000)};
    run_contest({.workload = "W10b",
                 .topology = {.tiers = 2, .is_relayed = true},
                 .rounds = 1,
                 .tables = {document_table(), photos},
                 .measure = [&](Way& way) { return measure_day(way, sizes); },
                 .speed = "changes_per_second",
                 .wire = "wire_bytes_per_lone_edit",
                 .note = "64 kbit/s"},
                request, report);
  }
};

}  // namespace

std::unique_ptr<Workload> narrow_link_workload() {
  return std::make_unique<NarrowLinkWorkload>();
}

}  // namespace tributary::test
