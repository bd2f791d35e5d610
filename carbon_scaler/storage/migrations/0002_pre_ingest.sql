-- minimum-reader: 1
-- Provenance of grid values, the regions' bases and sources, forecasts, and what ingest remembers.

ALTER TABLE co2e_emissions
  ADD COLUMN lasts interval CHECK (lasts BETWEEN '0' AND '366 days'),
  ADD COLUMN generated_at timestamptz,
  ADD COLUMN provider_updated_at timestamptz,
  ADD COLUMN licence_class text,
  ADD COLUMN suspected text,
  ALTER COLUMN signal DROP DEFAULT,
  ALTER COLUMN factors DROP DEFAULT;
ALTER TABLE co2e_emissions_revisions
  ADD COLUMN lasts interval,
  ADD COLUMN generated_at timestamptz,
  ADD COLUMN provider_updated_at timestamptz,
  ADD COLUMN licence_class text,
  ADD COLUMN suspected text;

DO $$
DECLARE
  table_name text;
BEGIN
  FOREACH table_name IN ARRAY ARRAY['co2e_emissions', 'co2e_emissions_revisions'] LOOP
    EXECUTE format('COMMENT ON COLUMN %I.lasts IS %L', table_name,
      'How long the interval is that begins at timestamp; null: not known, taken as an hour');
    EXECUTE format('COMMENT ON COLUMN %I.generated_at IS %L', table_name,
      'When the source made the value; a change of it alone is no change of the value');
    EXECUTE format('COMMENT ON COLUMN %I.provider_updated_at IS %L', table_name,
      'When the source last changed the value; a change of it alone is no change of the value');
    EXECUTE format('COMMENT ON COLUMN %I.licence_class IS %L', table_name,
      'What may be shown to whom: open, attribution, restricted or own');
    EXECUTE format('COMMENT ON COLUMN %I.suspected IS %L', table_name,
      'Why ingest distrusts the value; it flags it, unless somebody has ruled otherwise in flagged');
    EXECUTE format('COMMENT ON COLUMN %I.signal IS %L', table_name,
      'average of all generation, or marginal: what one more kilowatt-hour causes; that of the '
      'region when not stated');
    EXECUTE format('COMMENT ON COLUMN %I.factors IS %L', table_name,
      'lifecycle: emissions over the life of the plant, or direct: at the stack only; those of '
      'the region when not stated');
  END LOOP;
END
$$;

CREATE TABLE grid_regions (
  region text PRIMARY KEY,
  signal text NOT NULL CHECK (signal IN ('average', 'marginal')),
  factors text NOT NULL CHECK (factors IN ('lifecycle', 'direct')),
  chain text[] NOT NULL,
  stand_ins text[] NOT NULL DEFAULT '{}' CHECK (
    stand_ins <@ ARRAY[
      'average/lifecycle', 'average/direct', 'marginal/lifecycle', 'marginal/direct'
    ]
  ),
  updated_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE grid_regions IS
  'Which values count for a region; a region that is not here counts average, lifecycle values of any source';
COMMENT ON COLUMN grid_regions.region IS 'Cloud region, for instance us-east-1';
COMMENT ON COLUMN grid_regions.signal IS 'average or marginal';
COMMENT ON COLUMN grid_regions.factors IS 'lifecycle or direct';
COMMENT ON COLUMN grid_regions.chain IS 'Names of its sources, the preferred one first';
COMMENT ON COLUMN grid_regions.stand_ins IS
  'Bases that may stand in where its own has no usable value, in order, as signal/factors';
COMMENT ON COLUMN grid_regions.updated_at IS 'When ingest last changed it';

CREATE TABLE carbon_intensity_forecasts (
  region varchar(50) NOT NULL,
  source varchar(50) NOT NULL,
  signal text NOT NULL DEFAULT 'average' CHECK (signal IN ('average', 'marginal')),
  factors text NOT NULL DEFAULT 'lifecycle' CHECK (factors IN ('lifecycle', 'direct')),
  model text,
  issued_at timestamptz NOT NULL,
  target_at timestamptz NOT NULL,
  lasts interval NOT NULL DEFAULT '1 hour' CHECK (lasts BETWEEN '0' AND '366 days'),
  gco2_per_kwh numeric(10,4) NOT NULL,
  lower numeric(10,4),
  upper numeric(10,4),
  flagged text,
  provider_zone text,
  licence_class text,
  fetched_at timestamptz NOT NULL DEFAULT now(),
  -- In the order in which the newest issue of a source is looked up.
  PRIMARY KEY (region, source, signal, factors, issued_at, target_at)
);

COMMENT ON TABLE carbon_intensity_forecasts IS
  'Forecasts of carbon intensity as they were issued; never changed afterwards';
COMMENT ON COLUMN carbon_intensity_forecasts.region IS 'Cloud region, for instance us-east-1';
COMMENT ON COLUMN carbon_intensity_forecasts.source IS 'Who says so';
COMMENT ON COLUMN carbon_intensity_forecasts.signal IS 'average or marginal';
COMMENT ON COLUMN carbon_intensity_forecasts.factors IS 'lifecycle or direct';
COMMENT ON COLUMN carbon_intensity_forecasts.model IS 'How it was made, in the word of the source';
COMMENT ON COLUMN carbon_intensity_forecasts.issued_at IS
  'When it was issued; when it was fetched if the source does not say or restated it';
COMMENT ON COLUMN carbon_intensity_forecasts.target_at IS 'Start of the interval it is about';
COMMENT ON COLUMN carbon_intensity_forecasts.lasts IS 'Length of that interval';
COMMENT ON COLUMN carbon_intensity_forecasts.gco2_per_kwh IS
  'Grams of CO2 equivalent per kilowatt-hour';
COMMENT ON COLUMN carbon_intensity_forecasts.lower IS
  'Lower end of the band that the source gives, in the same unit; null: none';
COMMENT ON COLUMN carbon_intensity_forecasts.upper IS
  'Upper end of the band that the source gives, in the same unit; null: none';
COMMENT ON COLUMN carbon_intensity_forecasts.flagged IS
  'Why the value never decides: negative, zero, above_2000, not_a_number or a word typed here';
COMMENT ON COLUMN carbon_intensity_forecasts.provider_zone IS
  'What the source calls the grid zone';
COMMENT ON COLUMN carbon_intensity_forecasts.licence_class IS
  'What may be shown to whom: open, attribution, restricted or own';
COMMENT ON COLUMN carbon_intensity_forecasts.fetched_at IS 'When it was fetched';

CREATE TABLE ingest_leadership (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  token bigint NOT NULL,
  holder text NOT NULL,
  since timestamptz NOT NULL
);
INSERT INTO ingest_leadership (token, holder, since) VALUES (0, '', now());

COMMENT ON TABLE ingest_leadership IS
  'One row: which ingest process was last chosen to write; it leads while it holds the advisory lock';
COMMENT ON COLUMN ingest_leadership.single IS 'Keeps this table to one row';
COMMENT ON COLUMN ingest_leadership.token IS
  'Grows with every term; what is written under an earlier one is refused';
COMMENT ON COLUMN ingest_leadership.holder IS 'The process, as it calls itself';
COMMENT ON COLUMN ingest_leadership.since IS 'When its term began';

CREATE TABLE ingest_calls (
  source text NOT NULL,
  day date NOT NULL,
  calls bigint NOT NULL,
  PRIMARY KEY (source, day)
);

COMMENT ON TABLE ingest_calls IS 'Requests made of each source per day';
COMMENT ON COLUMN ingest_calls.source IS 'Who was asked';
COMMENT ON COLUMN ingest_calls.day IS 'In UTC';
COMMENT ON COLUMN ingest_calls.calls IS 'Counted before each request is made';

CREATE TABLE ingest_feeds (
  source text NOT NULL,
  zone text NOT NULL,
  regions text[] NOT NULL,
  asked_at timestamptz,
  answered_at timestamptz,
  newest_at timestamptz,
  history_until timestamptz,
  history_asked_at timestamptz,
  forecast_asked_at timestamptz,
  failures integer NOT NULL DEFAULT 0,
  failure text,
  failure_kind text,
  results jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (source, zone)
);

COMMENT ON TABLE ingest_feeds IS 'How each zone of each source has fared, kept across restarts';
COMMENT ON COLUMN ingest_feeds.source IS 'Who is asked';
COMMENT ON COLUMN ingest_feeds.zone IS 'What the source calls the grid zone';
COMMENT ON COLUMN ingest_feeds.regions IS 'Cloud regions that it feeds';
COMMENT ON COLUMN ingest_feeds.asked_at IS 'When it was last asked for the newest values';
COMMENT ON COLUMN ingest_feeds.answered_at IS 'When it last gave any';
COMMENT ON COLUMN ingest_feeds.newest_at IS 'Start of the newest interval that is kept';
COMMENT ON COLUMN ingest_feeds.history_until IS 'The past before this instant was fetched';
COMMENT ON COLUMN ingest_feeds.history_asked_at IS 'When the past was last asked for';
COMMENT ON COLUMN ingest_feeds.forecast_asked_at IS 'When a forecast was last asked for';
COMMENT ON COLUMN ingest_feeds.failures IS 'Failed cycles since the last good one';
COMMENT ON COLUMN ingest_feeds.failure IS 'What went wrong in the last of them';
COMMENT ON COLUMN ingest_feeds.failure_kind IS 'The same as one word';
COMMENT ON COLUMN ingest_feeds.results IS 'How often each result came, by word';

CREATE TABLE ingest_zones (
  source text NOT NULL,
  region text NOT NULL,
  zone text NOT NULL,
  looked_up_at timestamptz NOT NULL,
  PRIMARY KEY (source, region)
);

COMMENT ON TABLE ingest_zones IS 'What sources were found to call the grid of a region';
COMMENT ON COLUMN ingest_zones.source IS 'Who was asked';
COMMENT ON COLUMN ingest_zones.region IS 'Cloud region';
COMMENT ON COLUMN ingest_zones.zone IS 'What the source calls its grid';
COMMENT ON COLUMN ingest_zones.looked_up_at IS 'When it said so';

CREATE TABLE alert_episodes (
  key text PRIMARY KEY,
  title text NOT NULL,
  body text NOT NULL,
  severity text NOT NULL,
  began_at timestamptz NOT NULL,
  last_seen_at timestamptz NOT NULL,
  notified_at timestamptz,
  resolved_at timestamptz,
  resolution_notified_at timestamptz
);

COMMENT ON TABLE alert_episodes IS 'What was found wrong and who was told, once per episode';
COMMENT ON COLUMN alert_episodes.key IS 'What it is about';
COMMENT ON COLUMN alert_episodes.title IS 'One line for people';
COMMENT ON COLUMN alert_episodes.body IS 'The whole message';
COMMENT ON COLUMN alert_episodes.severity IS 'How bad it is';
COMMENT ON COLUMN alert_episodes.began_at IS 'When it was first seen';
COMMENT ON COLUMN alert_episodes.last_seen_at IS 'When it was last seen';
COMMENT ON COLUMN alert_episodes.notified_at IS 'When people were told; null: not yet';
COMMENT ON COLUMN alert_episodes.resolved_at IS 'When it was over; null: it is not';
COMMENT ON COLUMN alert_episodes.resolution_notified_at IS
  'When people were told that it is over; null: not yet';

-- As its owner: whoever may write values need not be allowed to read the regions' settings.
CREATE OR REPLACE FUNCTION co2e_emissions_complete() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  judged boolean := TG_OP = 'INSERT';
BEGIN
  IF NEW.signal IS NULL OR NEW.factors IS NULL THEN
    NEW.signal := coalesce(
      NEW.signal, (SELECT signal FROM grid_regions WHERE region = NEW.region), 'average'
    );
    NEW.factors := coalesce(
      NEW.factors, (SELECT factors FROM grid_regions WHERE region = NEW.region), 'lifecycle'
    );
  END IF;
  IF TG_OP = 'UPDATE' THEN
    -- What follows from another column follows its change too.
    IF NEW.kind = OLD.kind AND NEW.data_quality <> OLD.data_quality THEN
      NEW.kind := NULL;
    ELSIF NEW.kind <> OLD.kind AND NEW.data_quality = OLD.data_quality THEN
      NEW.data_quality := NULL;
    END IF;
    -- The former reason was about the former value, or was a suspicion that is no more.
    IF NEW.flagged IS NOT DISTINCT FROM OLD.flagged AND (
      (NEW.gco2_per_kwh, NEW.factors, NEW.data_quality)
        IS DISTINCT FROM (OLD.gco2_per_kwh, OLD.factors, OLD.data_quality)
      OR NEW.suspected IS DISTINCT FROM OLD.suspected
        AND OLD.flagged IS NOT DISTINCT FROM OLD.suspected
    ) THEN
      NEW.flagged := NULL;
      judged := true;
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
  END, NEW.flagged, CASE WHEN judged THEN NEW.suspected END);
  RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION co2e_emissions_settle() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  wanted record := NEW;
BEGIN
  NEW.id := OLD.id;
  NEW.created_at := OLD.created_at;
  NEW.updated_at := OLD.updated_at;
  NEW.fetched_at := OLD.fetched_at;
  NEW.generated_at := OLD.generated_at;
  NEW.provider_updated_at := OLD.provider_updated_at;
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
  NEW.generated_at := wanted.generated_at;
  NEW.provider_updated_at := wanted.provider_updated_at;
  NEW.metadata := wanted.metadata;
  RETURN NEW;
END
$$;

-- As its owner: only what a change replaced gets in, whoever made the change. A row at a time:
-- the plan of a join of transition tables stays as it was made for the first, perhaps empty, ones.
CREATE OR REPLACE FUNCTION co2e_emissions_keep_former() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO co2e_emissions_revisions (
    id, region, timestamp, gco2_per_kwh,
    energy_mix_solar, energy_mix_wind, energy_mix_hydro, energy_mix_nuclear, energy_mix_coal,
    energy_mix_gas, energy_mix_oil, energy_mix_other, energy_mix_biomass, energy_mix_geothermal,
    renewable_percent, renewable_at_least, renewable_at_most,
    source, data_quality, confidence_score, metadata, signal, factors, accounting, kind, method,
    provider_zone, flagged, fetched_at, usable_for, created_at, updated_at, replaced_at,
    lasts, generated_at, provider_updated_at, licence_class, suspected
  ) VALUES (
    OLD.id, OLD.region, OLD.timestamp, OLD.gco2_per_kwh,
    OLD.energy_mix_solar, OLD.energy_mix_wind, OLD.energy_mix_hydro, OLD.energy_mix_nuclear,
    OLD.energy_mix_coal, OLD.energy_mix_gas, OLD.energy_mix_oil, OLD.energy_mix_other,
    OLD.energy_mix_biomass, OLD.energy_mix_geothermal,
    OLD.renewable_percent, OLD.renewable_at_least, OLD.renewable_at_most,
    OLD.source, OLD.data_quality, OLD.confidence_score, OLD.metadata, OLD.signal, OLD.factors,
    OLD.accounting, OLD.kind, OLD.method, OLD.provider_zone, OLD.flagged, OLD.fetched_at,
    OLD.usable_for, OLD.created_at, OLD.updated_at, NEW.updated_at,
    OLD.lasts, OLD.generated_at, OLD.provider_updated_at, OLD.licence_class, OLD.suspected
  );
  RETURN NULL;
END
$$;

CREATE FUNCTION carbon_intensity_forecasts_flag() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.flagged := coalesce(CASE
    WHEN NEW.gco2_per_kwh = 'NaN' THEN 'not_a_number'
    WHEN NEW.gco2_per_kwh < 0 THEN 'negative'
    WHEN NEW.gco2_per_kwh = 0 AND NEW.factors = 'lifecycle' THEN 'zero'
    WHEN NEW.gco2_per_kwh > 2000 THEN 'above_2000'
  END, NEW.flagged);
  RETURN NEW;
END
$$;

REVOKE ALL ON FUNCTION co2e_emissions_complete(), co2e_emissions_keep_former() FROM PUBLIC;

DO $$
DECLARE
  function_name text;
BEGIN
  FOREACH function_name IN ARRAY ARRAY['co2e_emissions_complete', 'co2e_emissions_keep_former'] LOOP
    -- Without pg_temp at the end, a temporary table of that name would come first.
    EXECUTE format(
      'ALTER FUNCTION %I() SET search_path = %I, pg_temp', function_name, current_schema()
    );
  END LOOP;
END
$$;

COMMENT ON FUNCTION co2e_emissions_complete() IS
  'Fills the basis from the region, kind and data_quality from one another, and flags implausible values';
COMMENT ON FUNCTION co2e_emissions_settle() IS
  'Drops an update that changes nothing but clocks; moves updated_at only with a value';
COMMENT ON FUNCTION carbon_intensity_forecasts_flag() IS 'Flags implausible values';

CREATE TRIGGER carbon_intensity_forecasts_flag BEFORE INSERT OR UPDATE
  ON carbon_intensity_forecasts
  FOR EACH ROW EXECUTE FUNCTION carbon_intensity_forecasts_flag();

DO $$
DECLARE
  table_name text;
BEGIN
  FOREACH table_name IN ARRAY ARRAY['grid_regions', 'carbon_intensity_forecasts'] LOOP
    EXECUTE format(
      'CREATE TRIGGER %1$s_notify_insert AFTER INSERT ON %1$I REFERENCING NEW TABLE AS changed'
      ' FOR EACH STATEMENT EXECUTE FUNCTION co2e_emissions_notify()', table_name
    );
    EXECUTE format(
      'CREATE TRIGGER %1$s_notify_update AFTER UPDATE ON %1$I REFERENCING NEW TABLE AS changed'
      ' FOR EACH STATEMENT EXECUTE FUNCTION co2e_emissions_notify()', table_name
    );
    -- A row that moved to another region is missing in the former one.
    EXECUTE format(
      'CREATE TRIGGER %1$s_notify_update_former AFTER UPDATE ON %1$I'
      ' REFERENCING OLD TABLE AS changed'
      ' FOR EACH STATEMENT EXECUTE FUNCTION co2e_emissions_notify()', table_name
    );
    EXECUTE format(
      'CREATE TRIGGER %1$s_notify_delete AFTER DELETE ON %1$I REFERENCING OLD TABLE AS changed'
      ' FOR EACH STATEMENT EXECUTE FUNCTION co2e_emissions_notify()', table_name
    );
    EXECUTE format(
      'CREATE TRIGGER %1$s_notify_truncate AFTER TRUNCATE ON %1$I'
      ' FOR EACH STATEMENT EXECUTE FUNCTION co2e_emissions_notify()', table_name
    );
  END LOOP;
END
$$;

-- Each value in the version that was known at an instant: the first that was replaced after it,
-- else the current one, unless it was fetched later.
CREATE OR REPLACE FUNCTION co2e_known_at(instant timestamptz) RETURNS SETOF co2e_emissions
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
          method, provider_zone, flagged, fetched_at, usable_for, created_at, updated_at,
          lasts, generated_at, provider_updated_at, licence_class, suspected
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

CREATE OR REPLACE VIEW v_latest_co2e_by_region AS
SELECT latest.*, now() - latest.timestamp AS age
FROM v_co2e_regions AS regions
LEFT JOIN grid_regions AS grids ON grids.region = regions.region
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
    AND emissions.signal = coalesce(grids.signal, 'average')
    AND emissions.factors = coalesce(grids.factors, 'lifecycle')
    AND emissions.flagged IS NULL
  ORDER BY emissions.timestamp DESC, emissions.fetched_at DESC, emissions.source
  LIMIT 1
) AS latest;

CREATE OR REPLACE VIEW v_co2e_24h_hourly_avg AS
SELECT
  region,
  date_trunc('hour', timestamp, 'UTC') AS hour,
  avg(gco2_per_kwh) AS avg_gco2_per_kwh,
  min(gco2_per_kwh) AS min_gco2_per_kwh,
  max(gco2_per_kwh) AS max_gco2_per_kwh,
  avg(coalesce(
    renewable_percent,
    -- Not through least(), which would make an unknown mix 100.
    CASE WHEN renewable_at_least IS NULL AND renewable_at_most IS NULL THEN
      energy_mix_solar + energy_mix_wind + energy_mix_hydro
        + coalesce(energy_mix_biomass, 0) + coalesce(energy_mix_geothermal, 0)
    END
  )) AS avg_renewable_pct,
  count(*) AS sample_count
FROM (
  SELECT DISTINCT ON (emissions.region, emissions.timestamp) emissions.*
  FROM v_co2e_regions AS regions
  LEFT JOIN grid_regions AS grids ON grids.region = regions.region
  JOIN co2e_emissions AS emissions ON emissions.region = regions.region
  WHERE emissions.timestamp >= date_trunc('hour', now(), 'UTC') - interval '23 hours'
    AND emissions.timestamp <= now()
    AND emissions.signal = coalesce(grids.signal, 'average')
    AND emissions.factors = coalesce(grids.factors, 'lifecycle')
    AND emissions.flagged IS NULL
  ORDER BY emissions.region, emissions.timestamp, emissions.fetched_at DESC, emissions.source
) AS current_values
GROUP BY region, hour
ORDER BY region, hour DESC;

-- A value ends where the next one begins, or with its own interval; the sources of the chain
-- after the first count only where none before them has a value.
CREATE VIEW v_co2e_hourly AS
WITH usable AS (
  SELECT
    emissions.region, emissions.timestamp, emissions.gco2_per_kwh, emissions.fetched_at,
    emissions.source, array_position(grids.chain, emissions.source::text) AS place,
    emissions.timestamp + coalesce(emissions.lasts, interval '1 hour') AS ends_at
  FROM co2e_emissions AS emissions
  LEFT JOIN grid_regions AS grids ON grids.region = emissions.region
  WHERE emissions.signal = coalesce(grids.signal, 'average')
    AND emissions.factors = coalesce(grids.factors, 'lifecycle')
    AND emissions.flagged IS NULL AND emissions.kind <> 'static'
), uncovered AS (
  SELECT DISTINCT ON (region, timestamp) region, timestamp, gco2_per_kwh, ends_at
  FROM (
    SELECT
      usable.*,
      max(ends_at) FILTER (WHERE place = 1) OVER earlier AS first_ends_at,
      max(ends_at) FILTER (WHERE place <= 2) OVER earlier AS second_ends_at,
      max(ends_at) FILTER (WHERE place <= 3) OVER earlier AS third_ends_at
    FROM usable
    WINDOW earlier AS (PARTITION BY region ORDER BY timestamp)
  ) AS beside
  WHERE NOT coalesce(
    CASE
      WHEN place = 2 THEN first_ends_at
      WHEN place = 3 THEN second_ends_at
      WHEN place > 3 THEN third_ends_at
    END > timestamp, false
  )
  ORDER BY region, timestamp, fetched_at DESC, source
), spans AS (
  SELECT
    region, timestamp AS begins_at, gco2_per_kwh,
    least(ends_at, lead(timestamp) OVER (PARTITION BY region ORDER BY timestamp)) AS ends_at
  FROM uncovered
), parts AS (
  SELECT
    region, hour, gco2_per_kwh,
    extract(epoch FROM
      least(ends_at, hour + interval '1 hour') - greatest(begins_at, hour)
    ) AS seconds
  FROM spans
  CROSS JOIN LATERAL generate_series(
    date_trunc('hour', begins_at, 'UTC'), ends_at - interval '1 microsecond', interval '1 hour'
  ) AS hours (hour)
)
SELECT
  region,
  hour,
  sum(gco2_per_kwh * seconds) / sum(seconds) AS gco2_per_kwh,
  sum(seconds) * interval '1 second' AS covered,
  count(*) AS sample_count
FROM parts
WHERE seconds > 0
GROUP BY region, hour;

CREATE VIEW v_carbon_forecast_24h AS
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
    forecasts.issued_at DESC, forecasts.source
) AS newest
JOIN carbon_intensity_forecasts AS points
  USING (region, source, signal, factors, issued_at)
WHERE points.flagged IS NULL
  AND points.target_at + points.lasts > now()
  AND points.target_at < now() + interval '24 hours'
ORDER BY points.region, points.target_at;

COMMENT ON VIEW v_latest_co2e_by_region IS
  'The newest unflagged value of each region in its basis, and its age';
COMMENT ON VIEW v_co2e_24h_hourly_avg IS
  'Hourly averages of unflagged values of the last 24 hours per region in its basis';
COMMENT ON VIEW v_co2e_hourly IS
  'Means over time of unflagged values per region and hour, each region in its basis; covered: how much of the hour had a value';
COMMENT ON VIEW v_carbon_forecast_24h IS
  'The next 24 hours as the newest forecast of the preferred source of each region has them';

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
    EXECUTE format(
      'GRANT SELECT ON grid_regions, carbon_intensity_forecasts, ingest_leadership, ingest_calls,'
      ' ingest_feeds, ingest_zones, alert_episodes, v_co2e_hourly, v_carbon_forecast_24h TO %I',
      role_name
    );
    IF role_name = 'carbon_scaler_ingest' THEN
      GRANT INSERT, UPDATE ON
        grid_regions, carbon_intensity_forecasts, ingest_calls, ingest_feeds, ingest_zones,
        alert_episodes
        TO carbon_scaler_ingest;
      GRANT UPDATE ON ingest_leadership TO carbon_scaler_ingest;
    ELSIF role_name = 'carbon_scaler_maintain' THEN
      GRANT DELETE ON carbon_intensity_forecasts, ingest_calls, ingest_feeds, alert_episodes
        TO carbon_scaler_maintain;
    END IF;
  END LOOP;
END
$$;
