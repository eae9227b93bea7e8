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
