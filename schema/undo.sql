-- What `tributary init` changed in this database, each with what it was before: what `tributary remove` undoes.
-- Idempotent; run by `tributary init` as an administrator.

CREATE SCHEMA IF NOT EXISTS tributary;
COMMENT ON SCHEMA tributary IS 'State of the tributary agent; do not write here by hand.';

CREATE TABLE IF NOT EXISTS tributary.undo (
  kind    text NOT NULL CHECK (kind IN ('publication', 'index', 'replica identity', 'trigger', 'event trigger', 'role',
                                        'role attribute', 'role setting', 'grant')),
  object  text NOT NULL,
  made    text NOT NULL DEFAULT '',
  role    text NOT NULL DEFAULT '',
  former  text,
  made_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  PRIMARY KEY (kind, object, made, role)
);
COMMENT ON TABLE tributary.undo IS
  'What init changed, written in the transaction of the change, or before it where that cannot be in a transaction.';
COMMENT ON COLUMN tributary.undo.object IS 'What was made or altered, as SQL names it.';
COMMENT ON COLUMN tributary.undo.made IS 'The identity, attribute or setting that it was given; of a grant, the right.';
COMMENT ON COLUMN tributary.undo.role IS 'Of a grant: the role that has the right on the object.';
COMMENT ON COLUMN tributary.undo.former IS 'What it was before; NULL: it was not there.';
