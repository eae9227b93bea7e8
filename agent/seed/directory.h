// The directory of an export: one file of rows per table, and a manifest, which makes it whole.
#pragma once

#include <filesystem>
#include <string>

#include "seed/manifest.h"

namespace tributary {

// Makes it, readable by its owner alone, or takes an existing one; what an export that did not come to its end has left
// there is deleted. Throws Error(setup) when a manifest is there, Error(resource) when it cannot be written.
void begin_export(const std::filesystem::path& directory);

// The name of the file of table number `place`, from 0.
std::string rows_file_name(size_t place);

// Its checksum, as `sha256sum manifest` prints it.
std::string write_manifest(const std::filesystem::path& directory, const Manifest& manifest);
// Throws Error(setup) when there is none, Error(protocol) when it is wrong.
Manifest read_manifest(const std::filesystem::path& directory);

}  // namespace tributary
