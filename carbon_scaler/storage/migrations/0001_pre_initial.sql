-- minimum-reader: 1
-- Grid values, the former values that they replaced, and who may touch them.

CREATE TABLE co2e_emissions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  region varchar(50) NOT NULL,
  timestamp timestamptz NOT NULL
    CHECK (timestamp BETWEEN '1970-01-01 00:00:00Z' AND '9999-12-31 00:00:00Z'),
  gco2_per_kwh numeric(10,4) NOT NULL,
  energy_mix_solar numeric(5,2) CHECK (energy_mix_solar BETWEEN 0 AND 100),
  energy_mix_wind numeric(5,2) CHECK (energy_mix_wind BETWEEN 0 AND 100),
  energy_mix_hydro numeric(5,2) CHECK (energy_mix_hydro BETWEEN 0 AND 100),
  energy_mix_nuclear numeric(5,2) CHECK (energy_mix_nuclear BETWEEN 0 AND 100),
  energy_mix_coal numeric(5,2) CHECK (energy_mix_coal BETWEEN 0 AND 100),
  energy_mix_gas numeric(5,2) CHECK (energy_mix_gas BETWEEN 0 AND 100),
  energy_mix_oil numeric(5,2) CHECK (energy_mix_oil BETWEEN 0 AND 100),
  energy_mix_other numeric(5,2) CHECK (energy_mix_other BETWEEN 0 AND 100),
  energy_mix_biomass numeric(5,2) CHECK (energy_mix_biomass BETWEEN 0 AND 100),
  energy_mix_geothermal numeric(5,2) CHECK (energy_mix_geothermal BETWEEN 0 AND 100),
  renewable_percent numeric(5,2) CHECK (renewable_percent BETWEEN 0 AND 100),
  renewable_at_least numeric(5,2) CHECK (renewable_at_least BETWEEN 0 AND 100),
  renewable_at_most numeric(5,2) CHECK (renewable_at_most BETWEEN 0 AND 100),
  source varchar(50) NOT NULL DEFAULT 'manual',
  data_quality varchar(20) NOT NULL CHECK (
    data_quality IN ('real_time', 'estimated', 'historical', 'forecast', 'static', 'manual')
  ),
  confidence_score numeric(3,2) CHECK (confidence_score BETWEEN 0 AND 1),
  metadata jsonb,
  signal text NOT NULL DEFAULT 'average' CHECK (signal IN ('average', 'marginal')),
  factors text NOT NULL DEFAULT 'lifecycle' CHECK (factors IN ('lifecycle', 'direct')),
  accounting text,
  kind text NOT NULL CHECK (kind IN ('measured', 'estimated', 'static', 'manual')),
  method text,
  provider_zone text,
  flagged text,
  fetched_at timestamptz NOT NULL DEFAULT now()
    CHECK (fetched_at BETWEEN '1970-01-01 00:00:00Z' AND '9999-12-31 00:00:00Z'),
  usable_for interval CHECK (usable_for BETWEEN '0' AND '366 days'),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT co2e_emissions_one_current_value UNIQUE (region, timestamp, source, signal, factors)
);

CREATE INDEX idx_co2e_region_timestamp ON co2e_emissions (region, timestamp DESC);
CREATE INDEX idx_co2e_high_intensity ON co2e_emissions (gco2_per_kwh DESC, timestamp DESC)
  WHERE gco2_per_kwh > 400;
-- Up to 200, the end of the band "clean": queries for less than 100 use it as well.
CREATE INDEX idx_co2e_clean_periods ON co2e_emissions (gco2_per_kwh, timestamp DESC)
  WHERE gco2_per_kwh < 200;
CREATE INDEX idx_co2e_metadata_gin ON co2e_emissions USING gin (metadata jsonb_path_ops);

COMMENT ON TABLE co2e_emissions IS
  'Carbon intensity of the grid per region and interval; one current row per region, timestamp, source, signal and factors';
COMMENT ON COLUMN co2e_emissions.id IS 'Identity of the row; stays when its value is corrected';
COMMENT ON COLUMN co2e_emissions.region IS 'Cloud region, for instance us-east-1';
COMMENT ON COLUMN co2e_emissions.timestamp IS 'Start of the interval that the value holds for';
COMMENT ON COLUMN co2e_emissions.gco2_per_kwh IS 'Grams of CO2 equivalent per kilowatt-hour';
COMMENT ON COLUMN co2e_emissions.energy_mix_solar IS 'Solar, percent of generation; null: not known';
COMMENT ON COLUMN co2e_emissions.energy_mix_wind IS 'Wind, percent of generation; null: not known';
COMMENT ON COLUMN co2e_emissions.energy_mix_hydro IS 'Hydro, percent of generation; null: not known';
COMMENT ON COLUMN co2e_emissions.energy_mix_nuclear IS 'Nuclear, percent of generation; null: not known';
COMMENT ON COLUMN co2e_emissions.energy_mix_coal IS 'Coal, percent of generation; null: not known';
COMMENT ON COLUMN co2e_emissions.energy_mix_gas IS 'Natural gas, percent of generation; null: not known';
COMMENT ON COLUMN co2e_emissions.energy_mix_oil IS 'Oil, percent of generation; null: not known';
COMMENT ON COLUMN co2e_emissions.energy_mix_other IS 'All other sources, percent of generation; null: not known';
COMMENT ON COLUMN co2e_emissions.energy_mix_biomass IS 'Biomass, percent of generation; null: not known';
COMMENT ON COLUMN co2e_emissions.energy_mix_geothermal IS 'Geothermal, percent of generation; null: not known';
COMMENT ON COLUMN co2e_emissions.renewable_percent IS
  'Renewable share in percent as stated by the source; null: follows from the bounds or the mix';
COMMENT ON COLUMN co2e_emissions.renewable_at_least IS
  'Lower bound of the renewable share in percent where only bounds are known';
COMMENT ON COLUMN co2e_emissions.renewable_at_most IS
  'Upper bound of the renewable share in percent where only bounds are known';
COMMENT ON COLUMN co2e_emissions.source IS 'Who says so: electricity_maps, watttime, manual, ...';
COMMENT ON COLUMN co2e_emissions.data_quality IS
  'real_time, estimated, historical, forecast, static or manual; follows from kind when not stated';
COMMENT ON COLUMN co2e_emissions.confidence_score IS 'Trust in the value, 0 to 1; null: not rated';
COMMENT ON COLUMN co2e_emissions.metadata IS
  'Anything else about the row; a change of it alone is no change of the value';
COMMENT ON COLUMN co2e_emissions.signal IS
  'average of all generation, or marginal: what one more kilowatt-hour causes';
COMMENT ON COLUMN co2e_emissions.factors IS
  'lifecycle: emissions over the life of the plant, or direct: at the stack only';
COMMENT ON COLUMN co2e_emissions.accounting IS
  'How imports and exports are counted, in the word of the provider: production, consumption, ...';
COMMENT ON COLUMN co2e_emissions.kind IS
  'measured, estimated, static or manual; follows from source and data_quality when not stated';
COMMENT ON COLUMN co2e_emissions.method IS 'How the value came about, in the word of the provider';
COMMENT ON COLUMN co2e_emissions.provider_zone IS 'What the provider calls the grid zone';
COMMENT ON COLUMN co2e_emissions.flagged IS
  'Why the value never decides: negative, zero, above_2000, not_a_number, forecast or a word typed here; null: it may decide';
COMMENT ON COLUMN co2e_emissions.fetched_at IS
  'When the value was fetched; fetching the same value again does not move it';
COMMENT ON COLUMN co2e_emissions.usable_for IS
  'How long after timestamp the value may decide, at most 3 hours; null: 2 hours';
COMMENT ON COLUMN co2e_emissions.created_at IS 'When the row was first written';
COMMENT ON COLUMN co2e_emissions.updated_at IS 'When the value last changed';

CREATE TABLE co2e_emissions_revisions (
  LIKE co2e_emissions INCLUDING COMMENTS,
  replaced_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX idx_co2e_revisions_region_timestamp
  ON co2e_emissions_revisions (region, timestamp DESC, replaced_at);

COMMENT ON TABLE co2e_emissions_revisions IS
  'Former values of co2e_emissions; each was current from updated_at to replaced_at';
COMMENT ON COLUMN co2e_emissions_revisions.replaced_at IS 'When another value took its place';

CREATE FUNCTION co2e_emissions_complete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    -- What follows from another column follows its change too.
    IF NEW.kind = OLD.kind AND NEW.data_quality <> OLD.data_quality THEN
      NEW.kind := NULL;
    ELSIF NEW.kind <> OLD.kind AND NEW.data_quality = OLD.data_quality THEN
      NEW.data_quality := NULL;
    END IF;
    -- The former reason was about the former value.
    IF (NEW.gco2_per_kwh, NEW.factors, NEW.data_quality)
        IS DISTINCT FROM (OLD.gco2_per_kwh, OLD.factors, OLD.data_quality)
      AND NEW.flagged IS NOT DISTINCT FROM OLD.flagged THEN
      NEW.flagged := NULL;
    END IF;
  END IF;

  NEW.kind := coalesce(NEW.kind, CASE
    WHEN NEW.source = 'manual' THEN 'manual'
    WHEN NEW.data_quality IN ('estimated', 'static', 'manual') THEN NEW.data_quality
    WHEN NEW.data_quality = 'forecast' THEN 'estimated'
    ELSE 'measured'
  END);
  NEW.data_quality := coalesce(
    NEW.data_quality, CASE NEW.kind WHEN 'measured' THEN 'real_time' ELSE NEW.kind END
  );
  NEW.flagged := coalesce(CASE
    WHEN NEW.gco2_per_kwh = 'NaN' THEN 'not_a_number'
    WHEN NEW.gco2_per_kwh < 0 THEN 'negative'
    WHEN NEW.gco2_per_kwh = 0 AND NEW.factors = 'lifecycle' THEN 'zero'
    WHEN NEW.gco2_per_kwh > 2000 THEN 'above_2000'
    WHEN NEW.data_quality = 'forecast' THEN 'forecast'
  END, NEW.flagged);
  RETURN NEW;
END
$$;

CREATE FUNCTION co2e_emissions_settle() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  wanted record := NEW;
BEGIN
  NEW.id := OLD.id;
  NEW.created_at := OLD.created_at;
  NEW.updated_at := OLD.updated_at;
  NEW.fetched_at := OLD.fetched_at;
  NEW.metadata := OLD.metadata;
  IF NEW IS NOT DISTINCT FROM OLD THEN
    IF wanted.metadata IS NOT DISTINCT FROM OLD.metadata THEN
      RETURN NULL;
    END IF;
  ELSE
    -- Not the start of the transaction: the second change in one is a change as well.
    NEW.updated_at := clock_timestamp();
  END IF;
  NEW.fetched_at := wanted.fetched_at;
  NEW.metadata := wanted.metadata;
  RETURN NEW;
END
$$;

-- As its owner: only what a change replaced gets in, whoever made the change. A row at a time:
-- the plan of a join of transition tables stays as it was made for the first, perhaps empty, ones.
CREATE FUNCTION co2e_emissions_keep_former() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO co2e_emissions_revisions (
    id, region, timestamp, gco2_per_kwh,
    energy_mix_solar, energy_mix_wind, energy_mix_hydro, energy_mix_nuclear, energy_mix_coal,
    energy_mix_gas, energy_mix_oil, energy_mix_other, energy_mix_biomass, energy_mix_geothermal,
    renewable_percent, renewable_at_least, renewable_at_most,
    source, data_quality, confidence_score, metadata, signal, factors, accounting, kind, method,
    provider_zone, flagged, fetched_at, usable_for, created_at, updated_at, replaced_at
  ) VALUES (
    OLD.id, OLD.region, OLD.timestamp, OLD.gco2_per_kwh,
    OLD.energy_mix_solar, OLD.energy_mix_wind, OLD.energy_mix_hydro, OLD.energy_mix_nuclear,
    OLD.energy_mix_coal, OLD.energy_mix_gas, OLD.energy_mix_oil, OLD.energy_mix_other,
    OLD.energy_mix_biomass, OLD.energy_mix_geothermal,
    OLD.renewable_percent, OLD.renewable_at_least, OLD.renewable_at_most,
    OLD.source, OLD.data_quality, OLD.confidence_score, OLD.metadata, OLD.signal, OLD.factors,
    OLD.accounting, OLD.kind, OLD.method, OLD.provider_zone, OLD.flagged, OLD.fetched_at,
    OLD.usable_for, OLD.created_at, OLD.updated_at, NEW.updated_at
  );
  RETURN NULL;
END
$$;

REVOKE ALL ON FUNCTION co2e_emissions_keep_former() FROM PUBLIC;

DO $$
BEGIN
  -- Without pg_temp at the end, a temporary table of that name would come first.
  EXECUTE format(
    'ALTER FUNCTION co2e_emissions_keep_former() SET search_path = %I, pg_temp', current_schema()
  );
END
$$;

CREATE FUNCTION co2e_emissions_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM pg_notify('carbon_scaler_intensity', '');
  ELSE
    PERFORM pg_notify('carbon_scaler_intensity', payload)
    FROM (
      SELECT DISTINCT CASE WHEN count(*) OVER () > 50 THEN '' ELSE region END AS payload
      FROM (SELECT DISTINCT region FROM changed) AS regions
    ) AS payloads;
  END IF;
  RETURN NULL;
END
$$;

COMMENT ON FUNCTION co2e_emissions_complete() IS
  'Fills kind and data_quality from one another and flags implausible values';
COMMENT ON FUNCTION co2e_emissions_settle() IS
  'Drops an update that changes nothing; moves updated_at only with a value';
COMMENT ON FUNCTION co2e_emissions_keep_former() IS
  'Copies replaced values to co2e_emissions_revisions';
COMMENT ON FUNCTION co2e_emissions_notify() IS
  'Notifies carbon_scaler_intensity of each region that changed, or once without a name if over 50 did';

-- Triggers of one kind fire in the order of their names.
CREATE TRIGGER co2e_emissions_1_complete BEFORE INSERT OR UPDATE ON co2e_emissions
  FOR EACH ROW EXECUTE FUNCTION co2e_emissions_complete();
CREATE TRIGGER co2e_emissions_2_settle BEFORE UPDATE ON co2e_emissions
  FOR EACH ROW EXECUTE FUNCTION co2e_emissions_settle();
CREATE TRIGGER co2e_emissions_keep_former AFTER UPDATE ON co2e_emissions
  FOR EACH ROW WHEN (OLD.updated_at IS DISTINCT FROM NEW.updated_at)
  EXECUTE FUNCTION co2e_emissions_keep_former();
CREATE TRIGGER co2e_emissions_notify_insert AFTER INSERT ON co2e_emissions
  REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION co2e_emissions_notify();
CREATE TRIGGER co2e_emissions_notify_update AFTER UPDATE ON co2e_emissions
  REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION co2e_emissions_notify();
-- A row that moved to another region is missing in the former one.
CREATE TRIGGER co2e_emissions_notify_update_former AFTER UPDATE ON co2e_emissions
  REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION co2e_emissions_notify();
CREATE TRIGGER co2e_emissions_notify_delete AFTER DELETE ON co2e_emissions
  REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION co2e_emissions_notify();
CREATE TRIGGER co2e_emissions_notify_truncate AFTER TRUNCATE ON co2e_emissions
  FOR EACH STATEMENT EXECUTE FUNCTION co2e_emissions_notify();

-- Each value in the version that was known at an instant: the first that was replaced after it,
-- else the current one, unless it was fetched later.
CREATE FUNCTION co2e_known_at(instant timestamptz) RETURNS SETOF co2e_emissions
LANGUAGE sql STABLE AS $$
  SELECT (known.version).*
  FROM (
    SELECT DISTINCT ON (
      (version).region, (version).timestamp, (version).source, (version).signal, (version).factors
    ) version
    FROM (
      SELECT emissions AS version, timestamptz 'infinity' AS replaced_at
      FROM co2e_emissions AS emissions
      UNION ALL
      SELECT
        ROW(
          id, region, timestamp, gco2_per_kwh,
          energy_mix_solar, energy_mix_wind, energy_mix_hydro, energy_mix_nuclear, energy_mix_coal,
          energy_mix_gas, energy_mix_oil, energy_mix_other, energy_mix_biomass,
          energy_mix_geothermal, renewable_percent, renewable_at_least, renewable_at_most,
          source, data_quality, confidence_score, metadata, signal, factors, accounting, kind,
          method, provider_zone, flagged, fetched_at, usable_for, created_at, updated_at
        )::co2e_emissions,
        replaced_at
      FROM co2e_emissions_revisions
      WHERE replaced_at > instant
    ) AS versions
    ORDER BY
      (version).region, (version).timestamp, (version).source, (version).signal,
      (version).factors, replaced_at
  ) AS known
  WHERE (known.version).fetched_at <= instant
$$;

COMMENT ON FUNCTION co2e_known_at(timestamptz) IS
  'co2e_emissions as it was known at an instant, from the current and the former values';

-- A plain DISTINCT would read the whole table; this looks up the index once per region.
CREATE VIEW v_co2e_regions AS
WITH RECURSIVE regions AS (
  (SELECT region::text FROM co2e_emissions ORDER BY co2e_emissions.region LIMIT 1)
  UNION ALL
  SELECT (
    SELECT emissions.region::text FROM co2e_emissions AS emissions
    WHERE emissions.region > regions.region ORDER BY emissions.region LIMIT 1
  )
  FROM regions WHERE regions.region IS NOT NULL
)
SELECT region FROM regions WHERE region IS NOT NULL;

CREATE VIEW v_latest_co2e_by_region AS
SELECT latest.*, now() - latest.timestamp AS age
FROM v_co2e_regions AS regions
CROSS JOIN LATERAL (
  SELECT
    emissions.region, emissions.timestamp, emissions.gco2_per_kwh,
    emissions.energy_mix_solar, emissions.energy_mix_wind, emissions.energy_mix_hydro,
    emissions.energy_mix_nuclear, emissions.energy_mix_coal, emissions.energy_mix_gas,
    emissions.energy_mix_oil, emissions.energy_mix_other, emissions.energy_mix_biomass,
    emissions.energy_mix_geothermal, emissions.renewable_percent,
    emissions.source, emissions.data_quality, emissions.confidence_score,
    emissions.kind, emissions.signal, emissions.factors,
    emissions.fetched_at, emissions.created_at, emissions.updated_at
  FROM co2e_emissions AS emissions
  WHERE emissions.region = regions.region
    AND emissions.timestamp <= now()
    AND emissions.signal = 'average' AND emissions.factors = 'lifecycle'
    AND emissions.flagged IS NULL
  ORDER BY emissions.timestamp DESC, emissions.fetched_at DESC, emissions.source
  LIMIT 1
) AS latest;

CREATE VIEW v_co2e_24h_hourly_avg AS
SELECT
  region,
  date_trunc('hour', timestamp, 'UTC') AS hour,
  avg(gco2_per_kwh) AS avg_gco2_per_kwh,
  min(gco2_per_kwh) AS min_gco2_per_kwh,
  max(gco2_per_kwh) AS max_gco2_per_kwh,
  avg(coalesce(
    renewable_percent,
    -- Not through least(), which would make an unknown mix 100.
    energy_mix_solar + energy_mix_wind + energy_mix_hydro
      + coalesce(energy_mix_biomass, 0) + coalesce(energy_mix_geothermal, 0)
  )) AS avg_renewable_pct,
  count(*) AS sample_count
FROM (
  SELECT DISTINCT ON (emissions.region, emissions.timestamp) emissions.*
  FROM v_co2e_regions AS regions
  JOIN co2e_emissions AS emissions ON emissions.region = regions.region
  WHERE emissions.timestamp >= date_trunc('hour', now(), 'UTC') - interval '23 hours'
    AND emissions.timestamp <= now()
    AND emissions.signal = 'average' AND emissions.factors = 'lifecycle'
    AND emissions.flagged IS NULL
  ORDER BY emissions.region, emissions.timestamp, emissions.fetched_at DESC, emissions.source
) AS current_values
GROUP BY region, hour
ORDER BY region, hour DESC;

COMMENT ON VIEW v_co2e_regions IS 'Every region that has a row in co2e_emissions';
COMMENT ON VIEW v_latest_co2e_by_region IS
  'The newest unflagged value of each region (average, lifecycle) and its age';
COMMENT ON VIEW v_co2e_24h_hourly_avg IS
  'Hourly averages of unflagged values (average, lifecycle) of the last 24 hours per region';

-- Roles belong to the whole server and another database may have made them already; a managed
-- server may not let us make them, and everything but the separation of powers works without.
DO $$
DECLARE
  role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY[
    'carbon_scaler_serve', 'carbon_scaler_ingest', 'carbon_scaler_read', 'carbon_scaler_maintain'
  ] LOOP
    BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
      END IF;
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN
        NULL;
      WHEN insufficient_privilege THEN
        RAISE NOTICE 'role % is missing and this user may not create it', role_name;
        CONTINUE;
    END;
    BEGIN
      EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), role_name);
    EXCEPTION
      WHEN insufficient_privilege THEN
        RAISE NOTICE 'grant % usage of schema % yourself', role_name, current_schema();
    END;
    EXECUTE format(
      'GRANT SELECT ON co2e_emissions, co2e_emissions_revisions, carbon_scaler_migrations,'
      ' v_co2e_regions, v_latest_co2e_by_region, v_co2e_24h_hourly_avg TO %I', role_name
    );
    IF role_name = 'carbon_scaler_ingest' THEN
      GRANT INSERT, UPDATE ON co2e_emissions TO carbon_scaler_ingest;
    ELSIF role_name = 'carbon_scaler_maintain' THEN
      GRANT DELETE ON co2e_emissions, co2e_emissions_revisions TO carbon_scaler_maintain;
    END IF;
  END LOOP;
END
$$;
