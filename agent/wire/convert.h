// Positions, shapes and batches as messages of the link, and back.
//
// What comes from outside is checked field by field here, so that the rooms behind never see an impossible value:
// every *_from throws Error(protocol) that names the field. Payloads are passed on unopened (apply opens them), except
// plain ones whose positions are left out.
#pragma once

#include <cstdint>

#include "change/batch.h"
#include "change/position.h"
#include "change/relation.h"
#include "change/tiers.h"
#include "change/want.h"
#include "link.pb.h"

namespace tributary {

void write_position(link::Position* out, const Position& position);
Position position_from(const link::Position& message);

void write_relation(link::Relation* out, const Relation& relation);
// The id that the message names must be the id of the shape that it describes.
Relation relation_from(const link::Relation& message);

// Moves the payload; nothing of its size is copied.
void write_batch(link::Batch* out, Batch&& batch);
// The same without what the other side can tell by itself; `reached`: where the batch before ended, or what was applied
// when the session began.
void write_next_batch(link::Batch* out, Batch&& batch, const Position& reached);
// Either of them. `raw_bytes_max` limits what the payload may grow to when it is opened. A plain payload is read once.
Batch batch_from(link::Batch&& message, uint64_t raw_bytes_max, const Position& reached);

void write_tiers(link::Tiers* out, const Tiers& tiers);
Tiers tiers_from(const link::Tiers& message);

void write_want(link::Want* out, const Want& want);
Want want_from(const link::Want& message);

}  // namespace tributary
