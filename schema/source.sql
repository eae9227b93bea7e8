-- What a node keeps in its own database: the stream it sends, and what was done to each table that it publishes.
-- Idempotent; run by `tributary init` as an administrator.

CREATE SCHEMA IF NOT EXISTS tributary;
COMMENT ON SCHEMA tributary IS 'State of the tributary agent; do not write here by hand.';

CREATE TABLE IF NOT EXISTS tributary.stream (
  node              text PRIMARY KEY,
  slot              text NOT NULL,
  stream            uuid NOT NULL,
  nonce             uuid NOT NULL,
  system_identifier text NOT NULL,
  updated_at        timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE tributary.stream IS
  'The stream of changes that this database sends. The agent''s queue holds the same: if they differ, one of the two was restored or cloned, and a new stream begins.';
COMMENT ON COLUMN tributary.stream.node IS 'The node that sends it.';
COMMENT ON COLUMN tributary.stream.slot IS 'Its replication slot.';
COMMENT ON COLUMN tributary.stream.stream IS 'Made at random with the slot.';
COMMENT ON COLUMN tributary.stream.nonce IS 'Renewed here and in the queue at every start and every hour.';
COMMENT ON COLUMN tributary.stream.system_identifier IS 'Of the cluster in which the slot was made.';

CREATE TABLE IF NOT EXISTS tributary.published (
  table_schema       text NOT NULL,
  table_name         text NOT NULL,
  row_filter         text NOT NULL,
  publication_filter text,
  filter_columns     text[] NOT NULL,
  columns            text[] NOT NULL,
  identity           text NOT NULL CHECK (identity IN ('primary key', 'index', 'full', 'kept')),
  identity_index     text,
  former_identity    text,
  rows_not_copied    bigint,
  prepared_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
  PRIMARY KEY (table_schema, table_name)
);
COMMENT ON TABLE tributary.published IS 'The tables that this node sends, and what was done to them, so that it can be undone.';
COMMENT ON COLUMN tributary.published.row_filter IS 'As the configuration has it; empty: every row.';
COMMENT ON COLUMN tributary.published.publication_filter IS
  'The same as PostgreSQL prints it for the publication; NULL: there is none, or the agent has it evaluated.';
COMMENT ON COLUMN tributary.published.filter_columns IS 'The columns that the filter reads; they are in the replica identity.';
COMMENT ON COLUMN tributary.published.columns IS 'As the configuration has them; empty: all.';
COMMENT ON COLUMN tributary.published.identity IS 'What the replica identity was made, on each partition too; kept: it was fit already.';
COMMENT ON COLUMN tributary.published.identity_index IS 'The index made for it, in the table''s schema.';
COMMENT ON COLUMN tributary.published.former_identity IS 'The replica identity before: default, full, nothing, or the index''s name.';
COMMENT ON COLUMN tributary.published.rows_not_copied IS
  'Rows that met the filter when the stream began, and are not at the parent unless they changed since; NULL: not counted.';

-- A partition made or attached later has none of its root's replica identity, and the application's UPDATE of it would
-- fail. It must never make the application's DDL fail, nor hold it up: what it cannot do, `tributary check` reports.
CREATE OR REPLACE FUNCTION tributary.prepare_partitions() RETURNS event_trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '200ms' AS
$tributary$
DECLARE
  leaf record;
BEGIN
  FOR leaf IN
    SELECT format('%I.%I', cn.nspname, c.relname) AS name, p.identity, i.index_name,
      '"' || replace(cn.nspname, '"', '""') || '"."' || replace(c.relname, '"', '""') || '"' AS quoted_name,
      '"' || replace(cn.nspname, '"', '""') || '"."' || replace(i.index_name, '"', '""') || '"' AS quoted_index,
      '"' || replace(i.index_name, '"', '""') || '"' AS quoted_index_name,
      CASE c.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' WHEN 'd' THEN 'DEFAULT'
        ELSE coalesce((SELECT 'USING INDEX "' || replace(fc.relname, '"', '""') || '"' FROM pg_index f
                       JOIN pg_class fc ON fc.oid = f.indexrelid WHERE f.indrelid = c.oid AND f.indisreplident),
                      'NOTHING') END AS former
    FROM tributary.published p
    JOIN pg_namespace n ON n.nspname = p.table_schema
    JOIN pg_class root ON root.relnamespace = n.oid AND root.relname = p.table_name AND root.relkind = 'p'
    CROSS JOIN LATERAL pg_partition_tree(root.oid) t
    JOIN pg_class c ON c.oid = t.relid JOIN pg_namespace cn ON cn.oid = c.relnamespace
    LEFT JOIN LATERAL (
      SELECT ic.relname AS index_name, x.indisreplident
      FROM pg_index x JOIN pg_class ic ON ic.oid = x.indexrelid
      WHERE x.indrelid = c.oid AND EXISTS (
        SELECT FROM pg_partition_ancestors(x.indexrelid) a
        JOIN pg_class ac ON ac.oid = a.relid WHERE ac.relname = p.identity_index AND ac.relnamespace = n.oid)
    ) i ON true
    WHERE t.isleaf
      AND (p.identity = 'full' AND c.relreplident <> 'f'
        OR p.identity = 'index' AND i.index_name IS NOT NULL AND NOT (c.relreplident = 'i' AND i.indisreplident))
  LOOP
    BEGIN
      IF leaf.identity = 'full' THEN
        EXECUTE format('ALTER TABLE %s REPLICA IDENTITY FULL', leaf.name);
      ELSE
        EXECUTE format('ALTER TABLE %s REPLICA IDENTITY USING INDEX %I', leaf.name, leaf.index_name);
        INSERT INTO tributary.undo (kind, object) VALUES ('index', leaf.quoted_index) ON CONFLICT DO NOTHING;
      END IF;
      INSERT INTO tributary.undo (kind, object, made, former)
        VALUES ('replica identity', leaf.quoted_name,
                CASE leaf.identity WHEN 'full' THEN 'FULL' ELSE 'USING INDEX ' || leaf.quoted_index_name END, leaf.former)
        ON CONFLICT DO NOTHING;
    EXCEPTION WHEN OTHERS THEN
      RAISE WARNING 'tributary: the replica identity of % is not set (%); run: tributary init', leaf.name, SQLSTATE;
    END;
  END LOOP;
EXCEPTION WHEN OTHERS THEN
  RAISE WARNING 'tributary: replica identities of new partitions are not set (%); run: tributary init', SQLSTATE;
END
$tributary$;
REVOKE ALL ON FUNCTION tributary.prepare_partitions() FROM PUBLIC;
