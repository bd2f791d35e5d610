-- minimum-reader: 1
-- What our own forecaster issues, and how it fared.

CREATE TABLE forecast_issues (
  region varchar(50) NOT NULL,
  source varchar(50) NOT NULL,
  signal text NOT NULL CHECK (signal IN ('average', 'marginal')),
  factors text NOT NULL CHECK (factors IN ('lifecycle', 'direct')),
  issued_at timestamptz NOT NULL,
  kept_at timestamptz NOT NULL,
  model text NOT NULL,
  known_until timestamptz,
  measured float8[] NOT NULL DEFAULT '{}',
  past_hours integer NOT NULL CHECK (past_hours >= 0),
  error_grams float8 CHECK (error_grams >= 0),
  error_percent float8 CHECK (error_percent >= 0),
  compared integer NOT NULL DEFAULT 0 CHECK (compared >= 0),
  by_horizon jsonb NOT NULL DEFAULT '{}',
  against jsonb NOT NULL DEFAULT '{}',
  rejected jsonb NOT NULL DEFAULT '[]',
  -- In the order in which the newest issue of a region is looked up.
  PRIMARY KEY (region, source, signal, factors, issued_at)
);
CREATE INDEX forecast_issues_issued_at ON forecast_issues (issued_at);

COMMENT ON TABLE forecast_issues IS
  'One row per forecast of our own: what it was made from and how such forecasts fared; its hours are in carbon_intensity_forecasts';
COMMENT ON COLUMN forecast_issues.region IS 'Cloud region, for instance us-east-1';
COMMENT ON COLUMN forecast_issues.source IS 'own: made here, from what was measured';
COMMENT ON COLUMN forecast_issues.signal IS 'average or marginal';
COMMENT ON COLUMN forecast_issues.factors IS 'lifecycle or direct';
COMMENT ON COLUMN forecast_issues.issued_at IS 'What was known then is all that it was made from';
COMMENT ON COLUMN forecast_issues.kept_at IS 'When it was written here; nobody could read it before';
COMMENT ON COLUMN forecast_issues.model IS 'The model that was used, for instance regression';
COMMENT ON COLUMN forecast_issues.known_until IS
  'Where the last measured hour ends; null: none was measured';
COMMENT ON COLUMN forecast_issues.measured IS
  'Grams per kilowatt-hour of the up to three measured hours before the first expected one, the oldest first';
COMMENT ON COLUMN forecast_issues.past_hours IS 'How many measured hours it was learned from';
COMMENT ON COLUMN forecast_issues.error_grams IS
  'Mean absolute error up to a day ahead over the last 14 days; null: too few to say';
COMMENT ON COLUMN forecast_issues.error_percent IS 'The same, of the mean of what came';
COMMENT ON COLUMN forecast_issues.compared IS 'Pairs of an expected and a measured hour behind that';
COMMENT ON COLUMN forecast_issues.by_horizon IS 'The error in grams by hours ahead';
COMMENT ON COLUMN forecast_issues.against IS
  'The errors of what needs no model in the same days: persistence and yesterday';
COMMENT ON COLUMN forecast_issues.rejected IS
  'Models that were clearly worse than that and are not used, each beside what was better';

CREATE TRIGGER forecast_issues_notify_insert AFTER INSERT ON forecast_issues
  REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION co2e_emissions_notify();
CREATE TRIGGER forecast_issues_notify_update AFTER UPDATE ON forecast_issues
  REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION co2e_emissions_notify();
CREATE TRIGGER forecast_issues_notify_delete AFTER DELETE ON forecast_issues
  REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION co2e_emissions_notify();
CREATE TRIGGER forecast_issues_notify_truncate AFTER TRUNCATE ON forecast_issues
  FOR EACH STATEMENT EXECUTE FUNCTION co2e_emissions_notify();

-- What providers say comes first; where none says anything, our own forecast stands in.
CREATE OR REPLACE VIEW v_carbon_forecast_24h AS
SELECT
  points.region,
  points.target_at AS forecast_timestamp,
  points.gco2_per_kwh AS predicted_gco2_per_kwh,
  points.lower AS confidence_interval_lower,
  points.upper AS confidence_interval_upper,
  points.source,
  points.model,
  points.issued_at
FROM (
  SELECT DISTINCT ON (forecasts.region) forecasts.*
  FROM carbon_intensity_forecasts AS forecasts
  LEFT JOIN grid_regions AS grids ON grids.region = forecasts.region
  WHERE forecasts.signal = coalesce(grids.signal, 'average')
    AND forecasts.factors = coalesce(grids.factors, 'lifecycle')
    AND forecasts.flagged IS NULL
    AND forecasts.issued_at > now() - interval '24 hours'
    AND forecasts.target_at + forecasts.lasts > now()
    AND forecasts.target_at < now() + interval '24 hours'
  ORDER BY
    forecasts.region, array_position(grids.chain, forecasts.source::text),
    forecasts.source = 'own', forecasts.issued_at DESC, forecasts.source
) AS newest
JOIN carbon_intensity_forecasts AS points
  USING (region, source, signal, factors, issued_at)
WHERE points.flagged IS NULL
  AND points.target_at + points.lasts > now()
  AND points.target_at < now() + interval '24 hours'
ORDER BY points.region, points.target_at;

COMMENT ON VIEW v_carbon_forecast_24h IS
  'The next 24 hours as the newest forecast of the preferred source of each region has them, else as our own has';

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
    EXECUTE format('GRANT SELECT ON forecast_issues TO %I', role_name);
    IF role_name = 'carbon_scaler_ingest' THEN
      GRANT INSERT ON forecast_issues TO carbon_scaler_ingest;
    ELSIF role_name = 'carbon_scaler_maintain' THEN
      GRANT DELETE ON forecast_issues TO carbon_scaler_maintain;
    END IF;
  END LOOP;
END
$$;
