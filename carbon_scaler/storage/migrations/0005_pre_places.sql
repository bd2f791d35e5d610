-- minimum-reader: 1
-- Where shared work runs, and where somebody asks for it.

CREATE TABLE place_heartbeats (
  backlog text NOT NULL,
  region text NOT NULL,
  polled_at timestamptz NOT NULL,
  holder text NOT NULL,
  PRIMARY KEY (backlog, region)
);

COMMENT ON TABLE place_heartbeats IS
  'In which regions KEDA lately asked for work that several regions share';
COMMENT ON COLUMN place_heartbeats.backlog IS
  'Its name, or NAMESPACE/NAME of the object that counts none';
COMMENT ON COLUMN place_heartbeats.region IS 'The region of the trigger that was asked for';
COMMENT ON COLUMN place_heartbeats.polled_at IS 'When it was last asked for, by this clock';
COMMENT ON COLUMN place_heartbeats.holder IS 'Which server was asked';

CREATE TABLE backlog_places (
  backlog text PRIMARY KEY,
  region text NOT NULL,
  chosen_at timestamptz NOT NULL,
  begins_at timestamptz NOT NULL,
  chosen_by text NOT NULL,
  reason text NOT NULL CHECK (reason IN ('first', 'forbidden', 'silent', 'better')),
  score double precision,
  CONSTRAINT backlog_places_begin_later CHECK (begins_at >= chosen_at)
);

COMMENT ON TABLE backlog_places IS 'The one region that shared work runs in, for all servers';
COMMENT ON COLUMN backlog_places.backlog IS
  'Its name, or NAMESPACE/NAME of the object that counts none';
COMMENT ON COLUMN backlog_places.region IS 'Where it runs';
COMMENT ON COLUMN backlog_places.chosen_at IS 'Since when';
COMMENT ON COLUMN backlog_places.begins_at IS
  'From when on it starts something; what the former place started is told by then';
COMMENT ON COLUMN backlog_places.chosen_by IS 'Which server chose it';
COMMENT ON COLUMN backlog_places.reason IS
  'first: nobody had chosen one; forbidden, silent: the former one was no longer permitted, or '
  'nobody asked there; better: it cost less';
COMMENT ON COLUMN backlog_places.score IS
  'Carbon and cost, weighed, against the first region listed; null: nothing could be compared';

-- Nothing is named: whoever listens reads the little that there is again.
CREATE FUNCTION carbon_scaler_places_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('carbon_scaler_places', '');
  RETURN NULL;
END
$$;

CREATE TRIGGER backlog_places_notify
  AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON backlog_places
  FOR EACH STATEMENT EXECUTE FUNCTION carbon_scaler_places_notify();

COMMENT ON FUNCTION carbon_scaler_places_notify() IS 'Tells all servers that a place moved';

DO $$
DECLARE
  role_name text;
BEGIN
  -- Those that could be made; see the first migration.
  FOR role_name IN
    SELECT rolname FROM pg_roles WHERE rolname IN (
      'carbon_scaler_serve', 'carbon_scaler_read', 'carbon_scaler_maintain'
    )
  LOOP
    EXECUTE format('GRANT SELECT ON place_heartbeats, backlog_places TO %I', role_name);
    IF role_name = 'carbon_scaler_serve' THEN
      GRANT INSERT, UPDATE, DELETE ON place_heartbeats TO carbon_scaler_serve;
      GRANT INSERT, UPDATE ON backlog_places TO carbon_scaler_serve;
    ELSIF role_name = 'carbon_scaler_maintain' THEN
      GRANT DELETE ON place_heartbeats, backlog_places TO carbon_scaler_maintain;
    END IF;
  END LOOP;
END
$$;
