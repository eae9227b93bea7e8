#include "seed/rows_file.h"

#include <vector>

#include "base/error.h"
#include "change/compression.h"

namespace tributary {
namespace {

constexpr uint32_t kSkippable = 0x184D2A50;
constexpr size_t kHeaderBytes = 16;
constexpr size_t kPieceBytes = 4 << 20;
constexpr int kLevel = 3;

void put_little_endian(std::string& out, uint64_t value) {
  for (int i = 0; i < 4; ++i, value >>= 8) out += static_cast<char>(value & 0xff);
}

uint32_t little_endian(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

Error damaged(const std::filesystem::path& path, const std::string& why) {
  return Error(ErrorKind::protocol, path.string() + " is damaged: " + why,
               "Copy it again from where it was exported, or export it again.");
}

}  // namespace

void RowsWriter::add(std::string_view line) {
  if (!lines_.empty() && lines_.size() + line.size() > kPieceBytes) write_piece();
  lines_ += line;
  ++rows_;
}

void RowsWriter::finish(SeedTable& table) {
  if (!lines_.empty()) write_piece();
  file_.finish();
  table.rows = rows_;
  table.bytes = bytes_;
  table.sha256 = sha256_.hexadecimal();
}

void RowsWriter::write_piece() {
  const std::string frame = compress(lines_, kLevel);
  std::string header;
  put_little_endian(header, kSkippable);
  put_little_endian(header, 8);
  put_little_endian(header, frame.size());
  put_little_endian(header, lines_.size());
  for (const std::string& part : {header, frame}) {
    file_.write(part);
    sha256_.add(part);
    bytes_ += part.size();
  }
  lines_.clear();
  if (lines_.capacity() > 2 * kPieceBytes) lines_.shrink_to_fit();
}

RowsReader::RowsReader(const std::filesystem::path& path) : path_(path), file_(path, std::ios::binary) {
  if (!file_) throw Error(ErrorKind::resource, "cannot read " + path_.string());
}

std::string RowsReader::read(size_t bytes) {
  std::string out(bytes, '\0');
  file_.read(out.data(), static_cast<std::streamsize>(bytes));
  out.resize(static_cast<size_t>(file_.gcount()));
  return out;
}

std::string RowsReader::next() {
  const std::string header = read(kHeaderBytes);
  if (header.empty()) return {};
  if (header.size() < kHeaderBytes || little_endian(header) != kSkippable ||
      little_endian(std::string_view(header).substr(4)) != 8)
    throw damaged(path_, "a piece does not begin as one");
  const uint32_t bytes = little_endian(std::string_view(header).substr(8));
  const std::string frame = read(bytes);
  if (frame.size() < bytes || !is_compressed(frame)) throw damaged(path_, "a piece is cut off");
  std::string lines = decompress(frame, little_endian(std::string_view(header).substr(12)));
  if (!lines.ends_with('\n')) throw damaged(path_, "a row is cut off");
  return lines;
}

void check_rows_file(const std::filesystem::path& directory, const SeedTable& table,
                     const std::function<void(uint64_t)>& progress) {
  const std::filesystem::path path = directory / table.file;
  std::error_code error;
  const uint64_t bytes = std::filesystem::file_size(path, error);
  if (error) throw Error(ErrorKind::resource, "cannot read " + path.string() + ": " + error.message());
  if (bytes != table.bytes)
    throw damaged(path, "it has " + std::to_string(bytes) + " bytes, not " + std::to_string(table.bytes));
  std::ifstream file(path, std::ios::binary);
  std::vector<char> buffer(1 << 20);
  Sha256 sha256;
  uint64_t done = 0;
  while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), file.gcount() > 0) {
    sha256.add({buffer.data(), static_cast<size_t>(file.gcount())});
    done += static_cast<uint64_t>(file.gcount());
    progress(done);
  }
  if (sha256.hexadecimal() != table.sha256) throw damaged(path, "its checksum is not the manifest's");
}

}  // namespace tributary
