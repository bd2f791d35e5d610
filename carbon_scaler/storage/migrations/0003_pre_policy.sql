-- minimum-reader: 1
-- What operators state, what services have spent of their budgets, and what was answered.

CREATE TABLE operator_overrides (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  action text NOT NULL CHECK (action IN ('hold', 'release')),
  namespace text,
  name text,
  workload_class text,
  region text,
  until timestamptz NOT NULL CHECK (until < 'infinity'),
  reason text NOT NULL CHECK (reason ~ '\S'),
  stated_by text NOT NULL CHECK (stated_by ~ '\S'),
  created_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  ended_by text CHECK (ended_by ~ '\S'),
  CONSTRAINT operator_overrides_one_subject CHECK (
    (namespace IS NULL) = (name IS NULL) AND num_nonnulls(name, workload_class, region) = 1
  ),
  CONSTRAINT operator_overrides_until_later CHECK (until > created_at),
  CONSTRAINT operator_overrides_ended_by_somebody CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE INDEX operator_overrides_not_ended ON operator_overrides (until) WHERE ended_at IS NULL;

COMMENT ON TABLE operator_overrides IS
  'What operators hold or release until an instant; stated with carbon-scaler override';
COMMENT ON COLUMN operator_overrides.id IS 'What override end takes';
COMMENT ON COLUMN operator_overrides.action IS
  'hold: nothing starts, not even what is due; release: all that waits may start';
COMMENT ON COLUMN operator_overrides.namespace IS 'Of the one ScaledObject or ScaledJob meant';
COMMENT ON COLUMN operator_overrides.name IS 'Of the one ScaledObject or ScaledJob meant';
COMMENT ON COLUMN operator_overrides.workload_class IS 'All of this class are meant';
COMMENT ON COLUMN operator_overrides.region IS 'All in this cloud region are meant';
COMMENT ON COLUMN operator_overrides.until IS 'From then on it does not count';
COMMENT ON COLUMN operator_overrides.reason IS 'Why, shown in every explanation';
COMMENT ON COLUMN operator_overrides.stated_by IS 'Who says so';
COMMENT ON COLUMN operator_overrides.created_at IS 'When it was stated';
COMMENT ON COLUMN operator_overrides.ended_at IS 'When somebody ended it early; null: nobody has';
COMMENT ON COLUMN operator_overrides.ended_by IS 'Who ended it early';

CREATE TABLE budget_use (
  service text NOT NULL,
  month date NOT NULL CHECK (extract(day FROM month) = 1),
  -- Not a number sorts above infinity.
  spent_kg double precision NOT NULL CHECK (spent_kg >= 0 AND spent_kg < 'infinity'),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (service, month)
);

COMMENT ON TABLE budget_use IS 'What each service has emitted in each month';
COMMENT ON COLUMN budget_use.service IS 'As carbon-budgets.yaml and triggers call it';
COMMENT ON COLUMN budget_use.month IS 'Its first day, in UTC';
COMMENT ON COLUMN budget_use.spent_kg IS 'Kilograms of CO2e since the month began';
COMMENT ON COLUMN budget_use.updated_at IS 'When this was last known to be so';

CREATE TABLE decisions (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  decided_at timestamptz NOT NULL,
  answered_by text NOT NULL,
  namespace text NOT NULL,
  name text NOT NULL,
  region text NOT NULL,
  mode text NOT NULL,
  workload_class text NOT NULL,
  tenant text,
  verdict text NOT NULL CHECK (verdict IN ('open', 'closed', 'error')),
  reason text NOT NULL,
  level double precision NOT NULL,
  admitted bigint NOT NULL,
  metric_value double precision NOT NULL,
  target double precision NOT NULL,
  active boolean NOT NULL,
  changes_at timestamptz,
  policy_version text NOT NULL,
  trigger jsonb NOT NULL,
  document jsonb NOT NULL
);
CREATE INDEX decisions_of_object ON decisions (namespace, name, decided_at DESC);
CREATE INDEX decisions_decided_at ON decisions (decided_at);

COMMENT ON TABLE decisions IS
  'Every decision that changed an answer, as it was given; append-only, purged by age';
COMMENT ON COLUMN decisions.id IS 'In the order of writing';
COMMENT ON COLUMN decisions.decided_at IS 'When it was made; it holds until the next one';
COMMENT ON COLUMN decisions.answered_by IS 'The server process that answered';
COMMENT ON COLUMN decisions.namespace IS 'Of the ScaledObject or ScaledJob';
COMMENT ON COLUMN decisions.name IS 'Of the ScaledObject or ScaledJob';
COMMENT ON COLUMN decisions.region IS 'Cloud region that it was decided for';
COMMENT ON COLUMN decisions.mode IS 'The shape of the answer, for instance queue or brake';
COMMENT ON COLUMN decisions.workload_class IS 'Class that counted';
COMMENT ON COLUMN decisions.tenant IS 'Whose work it is; null: nobody''s';
COMMENT ON COLUMN decisions.verdict IS 'May waiting work start: open, closed or error';
COMMENT ON COLUMN decisions.reason IS 'Code of the rule that settled it';
COMMENT ON COLUMN decisions.level IS 'How open a gate is, from 0 to 1';
COMMENT ON COLUMN decisions.admitted IS 'How many items may start';
COMMENT ON COLUMN decisions.metric_value IS 'What KEDA was told';
COMMENT ON COLUMN decisions.target IS 'What KEDA divides that by';
COMMENT ON COLUMN decisions.active IS 'Whether KEDA was told that there is work';
COMMENT ON COLUMN decisions.changes_at IS 'When time alone would change it; null: never';
COMMENT ON COLUMN decisions.policy_version IS 'Version of the policy it was made under';
COMMENT ON COLUMN decisions.trigger IS 'The trigger''s metadata, as KEDA sends them';
COMMENT ON COLUMN decisions.document IS 'The explanation in full, as explain --json prints it';

-- Nothing is named: whoever listens reads the little that there is again.
CREATE FUNCTION carbon_scaler_directives_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('carbon_scaler_directives', '');
  RETURN NULL;
END
$$;

CREATE TRIGGER operator_overrides_notify
  AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON operator_overrides
  FOR EACH STATEMENT EXECUTE FUNCTION carbon_scaler_directives_notify();
CREATE TRIGGER budget_use_notify
  AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON budget_use
  FOR EACH STATEMENT EXECUTE FUNCTION carbon_scaler_directives_notify();

COMMENT ON FUNCTION carbon_scaler_directives_notify() IS
  'Tells all servers that overrides or budgets in use changed';

CREATE FUNCTION cleanup_old_decisions(keep interval DEFAULT '90 days') RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  deleted bigint;
BEGIN
  IF keep IS NULL OR keep < interval '0' THEN
    RAISE EXCEPTION 'keep must be an interval of 0 or more, not %', keep;
  END IF;
  DELETE FROM decisions WHERE decided_at < now() - keep;
  GET DIAGNOSTICS deleted = ROW_COUNT;
  RETURN deleted;
END
$$;

COMMENT ON FUNCTION cleanup_old_decisions(interval) IS
  'Deletes decisions older than that and returns how many';

DO $$
DECLARE
  role_name text;
BEGIN
  -- Those that could be made; see the first migration.
  FOR role_name IN
    SELECT rolname FROM pg_roles WHERE rolname IN (
      'carbon_scaler_serve', 'carbon_scaler_ingest', 'carbon_scaler_read', 'carbon_scaler_maintain'
    )
  LOOP
    EXECUTE format('GRANT SELECT ON operator_overrides, budget_use TO %I', role_name);
    IF role_name <> 'carbon_scaler_ingest' THEN
      EXECUTE format('GRANT SELECT ON decisions TO %I', role_name);
    END IF;
    IF role_name = 'carbon_scaler_serve' THEN
      GRANT INSERT ON decisions TO carbon_scaler_serve;
    ELSIF role_name = 'carbon_scaler_maintain' THEN
      GRANT DELETE ON decisions, operator_overrides TO carbon_scaler_maintain;
    END IF;
  END LOOP;
END
$$;
