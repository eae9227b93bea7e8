#include "flow/agent.h"

#include <pwd.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <csignal>
#include <filesystem>
#include <random>
#include <set>
#include <thread>

#include "base/clock.h"
#include "base/retry.h"
#include "base/signal.h"
#include "base/version.h"
#include "base/worker.h"
#include "flow/accept.h"
#include "flow/capture.h"
#include "flow/deliver.h"
#include "flow/pause_commands.h"
#include "flow/reload.h"
#include "flow/tier_watch.h"
#include "flow/wait.h"
#include "monitor/control.h"
#include "monitor/http.h"
#include "monitor/status_board.h"
#include "monitor/systemd.h"
#include "postgres/connection.h"
#include "queue/queue.h"

namespace tributary {
namespace {

void set_up_log(const LogConfig& config) {
  auto logger = spdlog::stderr_logger_mt("tributary");
  // Under systemd the journal has the time already.
  logger->set_pattern(std::getenv("JOURNAL_STREAM") ? "%l: %v" : "%Y-%m-%d %H:%M:%S.%e %l: %v");
  logger->set_level(spdlog::level::from_str(config.level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(logger);
}

constexpr std::chrono::milliseconds kRegularJitterMax = std::chrono::minutes(10);
constexpr std::chrono::milliseconds kRegularLookMin{1000}, kRegularLookMax = std::chrono::minutes(1);
constexpr auto kMemoryInterval = std::chrono::seconds(5);  // of what may be lost without harm

status::Health health_of(const Error& error) {
  return what_now(error.kind()) == WhatNow::wait_for_person ? status::HELD : status::OFFLINE;
}

class Agent {
 public:
  Agent(Config config, asio::io_context& context)
      : config_(std::make_shared<const Config>(std::move(config))),
        board_(config_->node.name, config_->node.tier, kVersion),
        appended_(context.get_executor()),
        restart_capture_(context.get_executor()),
        connect_again_(context.get_executor()),
        queue_changed_(context.get_executor()),
        verify_changed_(context.get_executor()),
        intake_changed_(context.get_executor()),
        reload_(context.get_executor()),
        refresh_state_(context.get_executor()),
        pauses_(context.get_executor()),
        tiers_(context.get_executor()),
        stop_(context.get_executor()),
        context_(context) {
    refresh_state_.limits = config_->refresh;
    refresh_state_.parent().set_tables(tables_sent());
    if (config_->intake)
      refresh_state_.awaited_child = [this](const std::string& table) { return child_walks_.awaited_child(table); };
  }

  void stop() { stop_.notify(); }
  void reload_soon() { reload_.notify(); }

  Task<> run() {
    co_await until_one_ends(stopping(), watchdog(), serve_control_socket(), serve_status(), watch_database(), send(),
                            take(), verify_regularly(), reload_when_told(), watch_above());
  }

 private:
  Task<> stopping() {
    co_await stop_.wait();
    notify_stopping();
  }

  static constexpr Clock::duration kForEver = Clock::duration::max() / 4;
  Task<> never() { co_await sleep_for(kForEver); }

  Task<> serve_control_socket() {
    const RetryLoop loop{.what = "control socket", .report = {}};
    using Words = std::vector<std::string>;
    const Commands commands{
        {"verify", [this](Words words) -> Task<std::string> { co_return verify(words); }},
        {"cancel", [this](Words) -> Task<std::string> { co_return cancel(); }},
        {"resync-child", [this](Words words) -> Task<std::string> { co_return co_await resync(words); }},
        {"verification", [this](Words) -> Task<std::string> { co_return results(); }},
        {"wait", [this](Words words) { return look_above(std::move(words)); }},
        {"pause", [this](Words words) { return pause(std::move(words)); }},
        {"resume", [this](Words words) { return resume(std::move(words)); }},
        {"reload", [this](Words) { return reload(); }}};
    co_await loop.run([&] { return serve_control(config_->control_socket(), board_, commands); });
  }

  // SIGHUP; the answer is in the log.
  Task<> reload_when_told() {
    for (;;) {
      co_await reload_.wait();
      co_await reload();
    }
  }

  // All of the new configuration, or nothing of it. Returns what `tributary reload` prints (flow/reload.h).
  Task<std::string> reload() {
    notify_reloading();
    const std::shared_ptr<void> done(nullptr, [](void*) { notify_ready(); });
    const auto before = config_;
    try {
      const Config read = co_await read_again(*before);
      const ReloadPlan plan = plan_reload(*config_, read);
      take_up(plan.config);
      if (plan.needs_restart.empty())
        board_.clear_notice("configuration");
      else
        board_.set_notice("configuration", status::ATTENTION, waits_for_restart(plan), "systemctl restart tributary");
      co_return answer(plan);
    } catch (const Error& error) {
      board_.set_notice("configuration", status::ATTENTION, refusal(error), error.hint());
      co_return answer(error);
    }
  }

  // Whoever goes on with the configuration from before keeps it.
  void take_up(const Config& next) {
    const auto before = std::exchange(config_, std::make_shared<const Config>(next));
    spdlog::set_level(spdlog::level::from_str(next.log.level));
    refresh_state_.limits = next.refresh;
    refresh_state_.parent().set_tables(tables_sent());
    if (next.queue != before->queue) queue_changed_.notify();
    if (next.verify != before->verify) verify_changed_.notify();
    if (next.tables != before->tables) {
      forget_tables_left_out(*before);
      restart_capture_.notify();
    }
    if (next.tables != before->tables || next.parent != before->parent) connect_again_.notify();
    intake_changed_.notify();  // or its certificates
  }

  void forget_tables_left_out(const Config& before) {
    for (const TableConfig& table : before.tables) {
      const std::string name = table.full_name();
      if (is_sent(name)) continue;
      board_.clear_notice("table " + name + " at the parent");
      board_.clear_notice("refresh of table " + name);
      board_.clear_notice("pause of table " + name);
      if (const auto& order = refresh_state_.order();
          order && std::find(order->tables.begin(), order->tables.end(), name) != order->tables.end())
        refresh_state_.cancel_verification();
    }
  }

  std::set<std::string> tables_sent() const {
    std::set<std::string> tables;
    for (const TableConfig& table : config_->tables) tables.insert(table.full_name());
    return tables;
  }

  bool is_sent(const std::string& table) const {
    return std::any_of(config_->tables.begin(), config_->tables.end(),
                       [&](const TableConfig& sent) { return sent.full_name() == table; });
  }

  // "repair", "delete-extra", "show", tables; no table: all. Empty when it began, else why not.
  std::string verify(const std::vector<std::string>& words) {
    VerifyOrder order;
    for (const std::string& word : words) {
      if (word == "repair")
        order.repairs = true;
      else if (word == "show")
        order.shows_values = true;
      else if (word == "delete-extra")
        order.deletes_extra = true;
      else
        order.tables.push_back(word);
    }
    return begin_verification(std::move(order));
  }

  std::string begin_verification(VerifyOrder order) {
    if (!config_->parent) return "this node has no parent to compare with";
    for (const std::string& table : order.tables)
      if (!is_sent(table)) return "this node does not send a table " + table;
    if (order.tables.empty())
      for (const TableConfig& table : config_->tables) order.tables.push_back(table.full_name());
    order.is_of_all = std::all_of(config_->tables.begin(), config_->tables.end(), [&](const TableConfig& table) {
      return std::find(order.tables.begin(), order.tables.end(), table.full_name()) != order.tables.end();
    });
    return refresh_state_.begin_verification(std::move(order));
  }

  // A child, one of its tables, perhaps "delete-extra". "+", or "-" where nothing was begun, and what is to be said.
  Task<std::string> resync(std::vector<std::string> words) {
    if (words.size() < 2) co_return "-a child and a table have to be named";
    const bool may_delete_extra = words.size() > 2 && words[2] == "delete-extra";
    const auto config = config_;
    const ResyncAnswer answer =
        co_await resync_child(*config, child_walks_, std::move(words[0]), std::move(words[1]), may_delete_extra);
    co_return (answer.is_begun ? "+" : "-") + answer.words;
  }

  std::string cancel() { return refresh_state_.cancel_verification() ? "" : "no comparison is under way"; }

  std::string results() const {
    status::VerificationReport report;
    *report.mutable_verification() = refresh_state_.verification();
    for (const status::Difference& difference : refresh_state_.differences()) *report.add_differences() = difference;
    report.set_is_stored(!refresh_state_.has_new_wish());
    return report.SerializeAsString();
  }

  // What the answer before said of log and place; "top" or nothing.
  Task<std::string> look_above(std::vector<std::string> words) {
    words.resize(3);
    const auto config = config_;
    const WhatIsAbove known{*config, refresh_state_, pauses_, tiers_.progress, tiers_.above, board_};
    const status::WaitReport report = co_await tributary::look_above(known, words[0], words[1], words[2] == "top");
    co_return report.SerializeAsString();
  }

  // A name or nothing; "child" where the name is to be one's.
  Task<std::string> pause(std::vector<std::string> words) {
    words.resize(2);
    const auto config = config_;
    const status::CommandAnswer answer = co_await tributary::pause(pause_desk(*config), words[0], words[1] == "child");
    show_pauses(*config_, pauses_, board_);
    co_return answer.SerializeAsString();
  }
  Task<std::string> resume(std::vector<std::string> words) {
    words.resize(2);
    const auto config = config_;
    const status::CommandAnswer answer = co_await tributary::resume(pause_desk(*config), words[0], words[1] == "child");
    show_pauses(*config_, pauses_, board_);
    co_return answer.SerializeAsString();
  }
  PauseDesk pause_desk(const Config& config) { return {config, pauses_, child_pauses_}; }

  Task<> watch_above() {
    const RetryLoop loop{.what = "tiers above", .report = {}};
    co_await loop.run([this] { return watch_tiers(config_, tiers_, refresh_state_, pauses_, board_); });
  }

  // So long after the last comparison of all tables, or after the node's first start, whoever ordered it and however
  // often the agent was restarted since. One that is due at the start waits a little, each time and at each node
  // another time: after a power cut many nodes start together.
  Task<> verify_regularly() {
    if (!config_->parent) co_return co_await never();
    auto soonest =
        Clock::now() + jitter(std::min<std::chrono::milliseconds>(config_->verify.every / 10, kRegularJitterMax));
    for (;;) {
      const auto every = std::chrono::milliseconds(config_->verify.every);
      if (every.count() == 0) {
        co_await verify_changed_.wait();
        soonest = Clock::now();
        continue;
      }
      const auto due = std::chrono::milliseconds(refresh_state_.regular_since() - unix_milliseconds_now()) + every;
      if (refresh_state_.is_recalled() && due.count() <= 0 && Clock::now() >= soonest && !refresh_state_.order())
        begin_verification({.tables = {}, .repairs = config_->verify.repairs});
      const auto look = std::clamp<std::chrono::milliseconds>(due, kRegularLookMin, kRegularLookMax);
      if (co_await verify_changed_.wait_for(look)) soonest = Clock::now();
    }
  }

  static std::chrono::milliseconds jitter(std::chrono::milliseconds most) {
    std::random_device random;
    return std::chrono::milliseconds(std::uniform_int_distribution<int64_t>(0, most.count())(random));
  }

  Task<> serve_status() {
    if (config_->status.listen.empty()) co_return co_await never();
    const RetryLoop loop{.what = "status page", .report = {}};
    co_await loop.run([this] { return serve_http(config_->status.listen, board_); });
  }

  // Whether the database is there: one idle session, whose end says that it is not.
  Task<> watch_database() {
    const RetryLoop loop{.what = "database", .report = [this](const Error& error) {
                           board_.database().set_health(health_of(error));
                           board_.database().set_message(error.message());
                           board_.set_notice("database", health_of(error), error.message(), error.hint());
                         }};
    co_await loop.run([this]() -> Task<> {
      const auto session = co_await Connection::open(config_->database.connection, Purpose::session,
                                                     "tributary " + config_->node.name + " watch");
      board_.database().set_health(status::OK);
      board_.database().clear_message();
      board_.database().set_server_version(session->parameter("server_version"));
      board_.clear_notice("database");
      co_await session->wait_for_end();
      throw Error(ErrorKind::connection, "PostgreSQL ended the session");
    });
  }

  // A node with a parent: its queue, what fills it and what empties it.
  Task<> send() {
    if (!config_->parent) co_return co_await never();
    const RetryLoop loop{.what = "queue", .report = [this](const Error& error) {
                           auto& status = board_.queue();
                           status.set_health(health_of(error));
                           status.set_message(error.message());
                           board_.set_notice("queue", health_of(error), error.message(), error.hint());
                         }};
    board_.capture();
    board_.uplink();
    co_await loop.run([this]() -> Task<> {
      const auto opened = open_queue();
      Queue& queue = *opened;
      board_.clear_notice("queue");
      Worker writer("queue writer"), reader("queue reader");
      const std::shared_ptr<void> leave(nullptr, [this](void*) { pauses_.leave_queue(); });
      co_await pauses_.keep_in(queue, writer);
      show_pauses(*config_, pauses_, board_);
      queue.on_append([this] { asio::post(context_, [this] { appended_.notify(); }); });
      if (!refresh_state_.is_recalled()) {
        const std::string memory = co_await writer.run([&] { return queue.note(kRefreshNote); });
        refresh_state_.recall(memory);
      }
      co_await until_one_ends(capture(queue, writer), deliver(queue, reader, writer), watch_queue(queue, reader),
                              keep_limits(queue, writer), remember(queue, writer));
    });
  }

  // What a refresh is to do, and has done, outlives the agent: what is wanted at once, how far it is now and then.
  Task<> remember(Queue& queue, Worker& writer) {
    std::optional<uint64_t> stored;  // in this queue
    for (;;) {
      const uint64_t version = refresh_state_.version();
      if (stored != version) {
        const std::string memory = refresh_state_.memory();
        try {
          co_await writer.run([&] { queue.store_note(kRefreshNote, memory); });
          refresh_state_.set_stored(version);
          stored = version;
        } catch (const Error& error) {
          if (error.kind() != ErrorKind::resource) throw;
          spdlog::debug("queue: what is to be refreshed is not written down yet: {}", error.message());
        }
      }
      co_await refresh_state_.wish().wait_for(kMemoryInterval);
    }
  }

  // A damaged one is set aside, and a new stream begins.
  std::unique_ptr<Queue> open_queue() {
    if (!is_queue_damaged_) {
      try {
        return std::make_unique<Queue>(config_->queue);
      } catch (const QueueDamaged& damage) {
        spdlog::error("queue: {}", damage.message());
      }
    }
    is_queue_damaged_ = true;
    Queue::set_aside(config_->queue);
    is_queue_damaged_ = false;
    return std::make_unique<Queue>(config_->queue);
  }

  // Until a person has taken them away: they hold rows, and the disk may be failing.
  void show_set_aside(const std::vector<std::string>& files) {
    if (files.empty()) return board_.clear_notice("damaged queue");
    board_.set_notice("damaged queue", status::ATTENTION, "the queue was damaged, and set aside as " + files.back(),
                      "look whether the disk is failing; the file holds rows and is of no more use: delete it");
  }

  Task<> capture(Queue& queue, Worker& writer) {
    const RetryLoop loop{.what = "capture", .report = [this](const Error& error) {
                           auto& status = board_.capture();
                           status.set_state(what_now(error.kind()) == WhatNow::wait_for_person ? "held" : "connecting");
                           status.set_health(health_of(error));
                           status.set_message(error.message());
                           board_.set_notice("capture", health_of(error), error.message(), error.hint());
                         }};
    co_await loop.run([&]() -> Task<> {
      const auto config = config_;
      restart_capture_.forget();
      const CaptureState state{refresh_state_, pauses_, tiers_.progress, tiers_.news};
      co_await until_one_ends(capture_once(*config, queue, writer, board_, state), restart_capture_.wait());
    });
  }

  Task<> deliver(Queue& queue, Worker& reader, Worker& writer) {
    DeliveryMemory memory;
    const RetryLoop loop{.what = "uplink",
                         .report =
                             [this](const Error& error) {
                               auto& status = board_.uplink();
                               if (status.connected_since()) status.set_offline_since(unix_milliseconds_now());
                               status.set_connected_since(0);
                               const bool is_refused =
                                   error.kind() == ErrorKind::refused || error.kind() == ErrorKind::setup;
                               status.set_state(is_refused ? "refused" : "connecting");
                               status.set_health(health_of(error));
                               status.set_message(error.message());
                               board_.set_notice("uplink", health_of(error), error.message(), error.hint());
                             },
                         .has_progressed = [&memory] { return memory.has_progressed; }};
    co_await loop.run([&]() -> Task<> {
      const auto config = config_;
      connect_again_.forget();
      Delivery delivery{*config,
                        queue,
                        reader,
                        writer,
                        board_,
                        refresh_state_.parent(),
                        pauses_,
                        tiers_.above,
                        tiers_.news,
                        appended_,
                        [this] { restart_capture_.notify(); }};
      co_await until_one_ends(deliver_once(std::move(delivery), memory), connect_again_.wait());
      board_.uplink().set_connected_since(0);
      board_.uplink().set_offline_since(unix_milliseconds_now());
    });
  }

  Task<> keep_limits(Queue& queue, Worker& writer) {
    for (;;) {
      co_await queue_changed_.wait();
      const QueueConfig limits = config_->queue;
      co_await writer.run([&] { queue.set_limits(limits); });
    }
  }

  // The queue's figures, once a second.
  Task<> watch_queue(Queue& queue, Worker& reader) {
    const QueueConfig config = config_->queue;
    for (;;) {
      if (queue.is_damaged()) {
        is_queue_damaged_ = true;
        throw Error(ErrorKind::resource, "the queue " + config.path + " is damaged, and is set aside");
      }
      const QueueStats stats = co_await reader.run([&] { return queue.stats(); });
      show_set_aside(co_await reader.run([&] { return Queue::files_set_aside(config); }));
      show_pauses(*config_, pauses_, board_);
      auto& status = board_.queue();
      status.set_health(status::OK);
      status.clear_message();
      status.set_batches(stats.batches);
      status.set_bytes(stats.bytes);
      status.set_oldest_seconds(
          stats.oldest_commit_time
              ? std::max(0.0, static_cast<double>(postgres_microseconds_now() - stats.oldest_commit_time) / 1e6)
              : 0);
      status.set_durable_position(stats.head.to_string());
      status.set_file_bytes(stats.file_bytes);
      status.set_disk_free_bytes(stats.disk_free_bytes);
      co_await sleep_for(std::chrono::seconds(1));
    }
  }

  // A node with children.
  Task<> take() {
    if (!config_->intake) co_return co_await never();
    const RetryLoop loop{.what = "intake", .report = [this](const Error& error) {
                           auto& status = board_.intake();
                           status.set_health(health_of(error));
                           status.set_message(error.message());
                           board_.set_notice("intake", health_of(error), error.message(), error.hint());
                         }};
    co_await loop.run([this] {
      return accept_children(config_, intake_changed_, board_, IntakeState{child_walks_, child_pauses_, tiers_});
    });
  }

  // In force. Whoever begins something takes the snapshot, and goes on with it to the end.
  std::shared_ptr<const Config> config_;
  StatusBoard board_;
  Signal appended_;
  Signal restart_capture_;
  Signal connect_again_;  // the uplink
  // Another configuration is in force:
  Signal queue_changed_;
  Signal verify_changed_;
  Signal intake_changed_;
  Signal reload_;
  bool is_queue_damaged_ = false;  // the one that was open last
  RefreshState refresh_state_;
  Pauses pauses_;
  TierState tiers_;
  ChildWalks child_walks_;
  ChildPauses child_pauses_;
  Signal stop_;
  asio::io_context& context_;
};

// A thread of its own waits for the signals, so that nothing that blocks the agent's (a slow disk, a name lookup) keeps
// it from stopping: what has not ended in time is left behind. Stopping is a rehearsed crash. SIGHUP: reload.
void obey_signals(asio::io_context& context, Agent& agent) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any other thread: they inherit it
  std::thread([&context, &agent, signals] {
    int number = 0;
    while (sigwait(&signals, &number) == 0 && number == SIGHUP) asio::post(context, [&agent] { agent.reload_soon(); });
    spdlog::info("stopping on {}", number == SIGTERM ? "SIGTERM" : "SIGINT");
    asio::post(context, [&agent] { agent.stop(); });
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    std::_Exit(0);
  }).detach();
}

}  // namespace

int run_agent(const Config& config) {
  set_up_log(config.log);
  std::signal(SIGPIPE, SIG_IGN);
  const passwd* user = getpwuid(geteuid());
  spdlog::info("tributary {}: node {}{}, as user {}", kVersion, config.node.name,
               config.parent ? ", parent " + config.parent->name : ", without a parent",
               user ? user->pw_name : std::to_string(geteuid()));
  if (geteuid() == 0)
    spdlog::warn("runs as root, because root owns {}: give that directory to a user of its own, and restart",
                 std::filesystem::path(config.queue.path).parent_path().string());
  asio::io_context context(1);
  Agent agent(config, context);
  obey_signals(context, agent);
  std::exception_ptr failure;
  asio::co_spawn(context, agent.run(), [&](std::exception_ptr error) {
    failure = error;
    context.stop();
  });
  notify_ready();
  context.run();
  if (!failure) return 0;
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    spdlog::error("the agent ends: {}{}", error.message(), error.hint().empty() ? "" : " (" + error.hint() + ")");
    if (error.kind() == ErrorKind::config) return 2;  // trying again is no use: the unit does not
  } catch (const std::exception& error) {
    spdlog::error("the agent ends: {}", error.what());
  }
  return 1;
}

}  // namespace tributary
