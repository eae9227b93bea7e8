// How the queue's file comes into being and is recognized.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>

#include "base/bytes.h"
#include "base/error.h"
#include "queue/lock.h"
#include "queue/store.h"

namespace tributary {
namespace {

constexpr uint32_t kApplicationId = 0x74726962;  // "trib"
constexpr uint32_t kVersion = 2;
constexpr char kDamaged[] = ".damaged-";
constexpr size_t kSetAsideMax = 3;

// A small append touches one page, so that it costs the disk no more than PostgreSQL's own commit does: no index grows
// with it, ids are given by us, and what would be in `state` lies in the row until `state` is written for another
// reason. Payloads come last in their rows: counting and looking up does not read the large ones.
constexpr const char* kSchema = R"(
CREATE TABLE state (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  instance BLOB NOT NULL,
  last_id INTEGER NOT NULL DEFAULT 0,       -- rows of `batch` up to here are counted in; later ones say themselves
  head BLOB NOT NULL,                       -- positions: stream, seq, end LSN, chain; 40 bytes
  applied BLOB NOT NULL,
  complete_id INTEGER NOT NULL DEFAULT 0,   -- rows of `batch` beyond it: parts of a transaction that is not complete
  stream BLOB NOT NULL,
  slot TEXT NOT NULL DEFAULT '',
  system_identifier TEXT NOT NULL DEFAULT '',
  timeline INTEGER NOT NULL DEFAULT 0,
  nonces BLOB NOT NULL DEFAULT x'',
  confirm_lsn INTEGER NOT NULL DEFAULT 0,
  last_commit BLOB NOT NULL DEFAULT x'',    -- xid, end LSN, time; empty: none
  break_reason TEXT NOT NULL DEFAULT '',
  replication_set TEXT NOT NULL DEFAULT '',
  break_after BLOB NOT NULL
);
CREATE TABLE batch (
  id INTEGER PRIMARY KEY,                   -- dense while it grows, and in the order of positions
  kind INTEGER NOT NULL,
  from_position BLOB NOT NULL,
  to_position BLOB NOT NULL,
  part INTEGER NOT NULL,
  is_last_part INTEGER NOT NULL,
  relations BLOB NOT NULL,
  raw_bytes INTEGER NOT NULL,
  changes INTEGER NOT NULL,
  first_commit_time INTEGER NOT NULL,
  reason TEXT NOT NULL,
  confirm_lsn INTEGER NOT NULL,             -- of the last row of an append: as in `state`
  last_commit BLOB NOT NULL,
  stored_bytes INTEGER NOT NULL,
  payload BLOB NOT NULL
);
CREATE INDEX stream_beginning ON batch (id) WHERE kind = 1;
CREATE TABLE acknowledgement (batch_id INTEGER PRIMARY KEY, time INTEGER NOT NULL);
CREATE TABLE relation (shape_id INTEGER PRIMARY KEY, number INTEGER NOT NULL, bytes BLOB NOT NULL);
)";

[[noreturn]] void throw_not_a_queue(const std::string& path, const std::string& reason) {
  throw Error(ErrorKind::setup, "the file " + path + " is not a queue of this program: " + reason,
              "choose another [queue] path, or move the file away (with its -wal and -shm files)");
}

void recognize(const std::string& path, int file) {
  // Only a queue has one beside it.
  const bool was_queue = std::filesystem::exists(path + ".ballast");
  char header[100];
  const ssize_t size = pread(file, header, sizeof header, 0);
  if (size != static_cast<ssize_t>(sizeof header) ||
      std::string_view(header, 16) != std::string_view("SQLite format 3", 16)) {
    if (was_queue) throw QueueDamaged(path, "its beginning is lost");
    throw_not_a_queue(path, "it is no SQLite database");
  }
  ByteReader in({header, sizeof header});
  in.skip(60);
  const uint32_t version = in.u32();
  in.skip(4);
  if (in.u32() != kApplicationId) throw_not_a_queue(path, "it is another program's database");
  if (version != kVersion)
    throw_not_a_queue(path, "it has format " + std::to_string(version) + ", not " + std::to_string(kVersion));
}

void sync_directory(const std::string& path) {
  const int directory = open(std::filesystem::path(path).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return;
  fsync(directory);
  close(directory);
}

// Under another name first: a file that is there is complete.
void create(const std::string& path) {
  const std::string draft = path + ".new";
  for (const std::string& stale : {draft, draft + "-journal", path + "-wal", path + "-shm"}) unlink(stale.c_str());
  const int file = open(draft.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0)
    throw Error(ErrorKind::setup, "cannot create the queue " + path + ": " + std::generic_category().message(errno),
                "let the agent's user write to that directory");
  close(file);
  {
    SQLite::Database database(draft, SQLite::OPEN_READWRITE);
    database.exec("PRAGMA synchronous = FULL");
    SQLite::Transaction transaction(database);
    database.exec("PRAGMA application_id = " + std::to_string(kApplicationId));
    database.exec("PRAGMA user_version = " + std::to_string(kVersion));
    database.exec(kSchema);
    const std::string instance = Uuid::random().to_bytes(), nil = Uuid{}.to_bytes(), nowhere(40, '\0');
    SQLite::Statement insert(
        database, "INSERT INTO state (one, instance, head, applied, stream, break_after) VALUES (1, ?, ?, ?, ?, ?)");
    insert.bind(1, instance.data(), static_cast<int>(instance.size()));
    insert.bind(2, nowhere.data(), static_cast<int>(nowhere.size()));
    insert.bind(3, nowhere.data(), static_cast<int>(nowhere.size()));
    insert.bind(4, nil.data(), static_cast<int>(nil.size()));
    insert.bind(5, nowhere.data(), static_cast<int>(nowhere.size()));
    insert.exec();
    transaction.commit();
  }
  if (rename(draft.c_str(), path.c_str()) != 0)
    throw Error(ErrorKind::setup, "cannot create the queue " + path + ": " + std::generic_category().message(errno));
  sync_directory(path);
}

}  // namespace

void create_or_recognize(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat about {};
  const bool has_content = file >= 0 && fstat(file, &about) == 0 && about.st_size > 0;
  const int error = errno;
  try {
    if (has_content) recognize(path, file);
  } catch (...) {
    close(file);
    throw;
  }
  if (file >= 0) close(file);
  if (file < 0 && error != ENOENT)
    throw Error(ErrorKind::setup, "cannot open the queue " + path + ": " + std::generic_category().message(error),
                "let the agent's user own the file");
  if (!has_content) create(path);
}

std::vector<std::string> Queue::files_set_aside(const QueueConfig& config) {
  const std::filesystem::path path = config.path;
  const std::string beginning = path.filename().string() + kDamaged;
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(path.parent_path(), ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(beginning) && !name.ends_with("-wal") && !name.ends_with("-shm"))
      found.push_back(entry.path().string());
  }
  return found;
}

void Queue::set_aside(const QueueConfig& config) {
  const FileLock lock(config.path + ".lock");
  const std::vector<std::string> before = files_set_aside(config);
  if (before.size() >= kSetAsideMax)
    throw Error(ErrorKind::setup, "the queue " + config.path + " is damaged, as were others before it",
                "look for what is wrong with the disk; then move away " + before.front() + " and the like");
  const std::string aside =
      config.path + kDamaged +
      std::to_string(std::chrono::system_clock::now().time_since_epoch() / std::chrono::milliseconds(1));
  // The file itself last: without it the others would be taken for leftovers.
  for (const char* kind : {"-wal", "-shm", ""})
    if (rename((config.path + kind).c_str(), (aside + kind).c_str()) != 0 && errno != ENOENT)
      throw Error(ErrorKind::setup,
                  "cannot rename the damaged queue " + config.path + ": " + std::generic_category().message(errno),
                  "let the agent's user write to that directory");
  sync_directory(config.path);
}

}  // namespace tributary
