-- The same tables at every tier. Only the district's application writes; the other tiers receive.
CREATE TABLE document (
  id      uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  number  int  NOT NULL UNIQUE,
  title   text NOT NULL,
  body    text NOT NULL,
  status  text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'approved'))
);

-- A row filter looks at one row alone. So photos and measurements carry a copy of their document's status, which a
-- trigger keeps: approving a document takes them along, in the same transaction.
CREATE TABLE photo (
  id           uuid  PRIMARY KEY DEFAULT gen_random_uuid(),
  document_id  uuid  NOT NULL REFERENCES document ON DELETE CASCADE,
  caption      text,
  image        bytea NOT NULL,
  status       text  NOT NULL
);
CREATE TABLE measurement (
  id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  document_id  uuid        NOT NULL REFERENCES document ON DELETE CASCADE,
  taken_at     timestamptz NOT NULL,
  quantity     text        NOT NULL,
  value        numeric(9, 3),
  status       text        NOT NULL
);
CREATE INDEX ON photo (document_id);
CREATE INDEX ON measurement (document_id);

CREATE FUNCTION pass_on_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE photo SET status = new.status WHERE document_id = new.id;
  UPDATE measurement SET status = new.status WHERE document_id = new.id;
  RETURN NULL;
END $$;
CREATE TRIGGER pass_on_status AFTER UPDATE OF status ON document
  FOR EACH ROW WHEN (old.status IS DISTINCT FROM new.status) EXECUTE FUNCTION pass_on_status();
