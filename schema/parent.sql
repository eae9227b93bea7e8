-- What a node keeps in its own database for the children whose changes it applies.
-- Idempotent; run by `tributary init` as an administrator.

CREATE SCHEMA IF NOT EXISTS tributary;
COMMENT ON SCHEMA tributary IS 'State of the tributary agent; do not write here by hand.';

CREATE TABLE IF NOT EXISTS tributary.applied (
  child       text PRIMARY KEY,
  stream      uuid NOT NULL,
  seq         bigint NOT NULL,
  end_lsn     pg_lsn NOT NULL,
  chain       bigint NOT NULL,
  commit_time timestamptz,
  applied_at  timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE tributary.applied IS
  'How far each child''s stream is applied here. Written in the transaction that writes the changes, so the two never disagree.';
COMMENT ON COLUMN tributary.applied.child IS 'The child node''s name.';
COMMENT ON COLUMN tributary.applied.stream IS 'The child''s stream.';
COMMENT ON COLUMN tributary.applied.seq IS 'Number of the stream''s transactions applied.';
COMMENT ON COLUMN tributary.applied.end_lsn IS 'End of the last one''s commit record in the child''s write-ahead log.';
COMMENT ON COLUMN tributary.applied.chain IS 'Hash over all of them; tells apart two histories of equal length.';
COMMENT ON COLUMN tributary.applied.commit_time IS 'When the child committed the last one, by its own clock.';
COMMENT ON COLUMN tributary.applied.applied_at IS 'When it was applied, by this server''s clock.';

CREATE TABLE IF NOT EXISTS tributary.walk (
  child       text NOT NULL,
  table_name  text NOT NULL,
  is_complete boolean NOT NULL,
  walked_to   bytea NOT NULL,
  rows        bigint NOT NULL,
  deleted     bigint NOT NULL,
  kept        bigint NOT NULL,
  updated_at  timestamptz NOT NULL DEFAULT pg_catalog.now(),
  PRIMARY KEY (child, table_name)
);
COMMENT ON TABLE tributary.walk IS
  'How far each child''s tables were refreshed in its stream. Written in the transaction that writes the rows.';
ALTER TABLE tributary.walk
  ADD COLUMN IF NOT EXISTS wants_rows       boolean NOT NULL DEFAULT false,
  ADD COLUMN IF NOT EXISTS may_delete_extra boolean NOT NULL DEFAULT false,
  ADD COLUMN IF NOT EXISTS reason           text NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS hint             text NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS is_requested     boolean NOT NULL DEFAULT false,
  ADD COLUMN IF NOT EXISTS deletes_requested boolean NOT NULL DEFAULT false,
  ADD COLUMN IF NOT EXISTS key_columns      text NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS next_page        bigint,
  ADD COLUMN IF NOT EXISTS is_loaded        boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN tributary.walk.is_complete IS 'Every row has been refreshed; otherwise those up to walked_to.';
COMMENT ON COLUMN tributary.walk.walked_to IS 'A key, as the agent encodes it; empty: none yet.';
COMMENT ON COLUMN tributary.walk.rows IS 'Rows that came.';
COMMENT ON COLUMN tributary.walk.deleted IS 'Rows that the child does not have, and that were deleted.';
COMMENT ON COLUMN tributary.walk.kept IS 'Such rows that were not deleted, because they are too many: tributary.extra.';
COMMENT ON COLUMN tributary.walk.wants_rows IS 'The child need not compare what is here with its own rows: it sends them.';
COMMENT ON COLUMN tributary.walk.next_page IS
  'Nothing was here: rows come as they lie in the child''s table file, from this page on; then the walk begins.';
COMMENT ON COLUMN tributary.walk.is_loaded IS 'They have all come so; the walk compares.';
COMMENT ON COLUMN tributary.walk.may_delete_extra IS 'A person said so: however many rows the child does not have.';
COMMENT ON COLUMN tributary.walk.reason IS 'Why the table cannot be written here; its changes are skipped. Empty: it can.';
COMMENT ON COLUMN tributary.walk.hint IS 'What mends that.';
COMMENT ON COLUMN tributary.walk.is_requested IS 'A person wants the table refreshed from its beginning, and the agent has not begun it yet.';
COMMENT ON COLUMN tributary.walk.deletes_requested IS 'Then: what the child does not have may be deleted, however many rows.';
COMMENT ON COLUMN tributary.walk.key_columns IS
  'The columns of the child''s key, and their types: what walked_to, and the keys of the table in the other lists, are made of. Empty: not known.';

CREATE TABLE IF NOT EXISTS tributary.stale (
  child      text NOT NULL,
  table_name text NOT NULL,
  key        bytea NOT NULL,
  since      timestamptz NOT NULL DEFAULT pg_catalog.now(),
  reason     text NOT NULL,
  sqlstate   text NOT NULL DEFAULT '',
  PRIMARY KEY (child, table_name, key)
);
ALTER TABLE tributary.stale
  ADD COLUMN IF NOT EXISTS ways_made integer NOT NULL DEFAULT 0;
COMMENT ON TABLE tributary.stale IS
  'Rows that may be missing here, or be older than the child''s stream is, until the child has sent them again.';
COMMENT ON COLUMN tributary.stale.key IS 'The key, as the agent encodes it.';
COMMENT ON COLUMN tributary.stale.reason IS 'Why, without values of the row.';
COMMENT ON COLUMN tributary.stale.ways_made IS
  'The row made way for one that is to have its unique value, which had made way itself, and so on: so many. 0: stale for another reason.';

CREATE TABLE IF NOT EXISTS tributary.extra (
  child      text NOT NULL,
  table_name text NOT NULL,
  key        text[] NOT NULL,
  since      timestamptz NOT NULL DEFAULT pg_catalog.now(),
  PRIMARY KEY (child, table_name, key)
);
COMMENT ON TABLE tributary.extra IS
  'Rows that a child does not have any more, and that were not deleted here: not yet, or because they are more than [intake] max_delete.';
COMMENT ON COLUMN tributary.extra.key IS 'The values of the key.';

CREATE TABLE IF NOT EXISTS tributary.ownership (
  child            text NOT NULL,
  table_name       text NOT NULL,
  condition        text NOT NULL DEFAULT 'false',
  to_be_compared   boolean NOT NULL DEFAULT false,
  deletes_left_out bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (child, table_name)
);
COMMENT ON TABLE tributary.ownership IS
  'Which rows of each table are a child''s, and what it deleted of others.';
COMMENT ON COLUMN tributary.ownership.condition IS
  'The rows that were compared with the child''s the last time, as [[child]] has it; true: all of them, false: none.';
COMMENT ON COLUMN tributary.ownership.to_be_compared IS
  'There may be rows of the child here that it does not have: it compares the table when it has all that its own children send.';
COMMENT ON COLUMN tributary.ownership.deletes_left_out IS
  'Deletions that the child sent of rows that are not its own here, and that stayed.';

CREATE TABLE IF NOT EXISTS tributary.paused (
  child text PRIMARY KEY,
  since timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE tributary.paused IS
  'Children whose streams are not applied here, because a person said so: tributary pause.';
