-- minimum-reader: 1
-- Provenance of grid values, the regions' bases and sources, forecasts, and what ingest remembers.

ALTER TABLE co2e_emissions
  ADD COLUMN lasts interval CHECK (lasts BETWEEN '0' AND '366 days'),
  ADD COLUMN generated_at timestamptz,
  ADD COLUMN provider_updated_at timestamptz,
  ADD COLUMN licence_class text;
ALTER TABLE co2e_emissions_revisions
  ADD COLUMN lasts interval,
  ADD COLUMN generated_at timestamptz,
  ADD COLUMN provider_updated_at timestamptz,
  ADD COLUMN licence_class text;

CREATE TABLE grid_regions (
  region text PRIMARY KEY,
  signal text NOT NULL CHECK (signal IN ('average', 'marginal')),
  factors text NOT NULL CHECK (factors IN ('lifecycle', 'direct')),
  -- Source names, the preferred one first.
  chain text[] NOT NULL,
  -- Bases that may stand in, as 'signal/factors'.
  stand_ins text[] NOT NULL DEFAULT '{}',
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE carbon_intensity_forecasts (
  region varchar(50) NOT NULL,
  source varchar(50) NOT NULL,
  signal text NOT NULL DEFAULT 'average' CHECK (signal IN ('average', 'marginal')),
  factors text NOT NULL DEFAULT 'lifecycle' CHECK (factors IN ('lifecycle', 'direct')),
  model text,
  issued_at timestamptz NOT NULL,
  target_at timestamptz NOT NULL,
  lasts interval NOT NULL DEFAULT '1 hour',
  gco2_per_kwh numeric(10,4) NOT NULL,
  lower numeric(10,4),
  upper numeric(10,4),
  flagged text,
  provider_zone text,
  licence_class text,
  fetched_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (region, source, signal, factors, issued_at, target_at)
);

CREATE TABLE ingest_leadership (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  token bigint NOT NULL,
  holder text NOT NULL,
  since timestamptz NOT NULL
);
INSERT INTO ingest_leadership (token, holder, since) VALUES (0, '', now());

CREATE TABLE ingest_calls (
  source text NOT NULL,
  day date NOT NULL,
  calls bigint NOT NULL,
  PRIMARY KEY (source, day)
);

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

CREATE TABLE ingest_zones (
  source text NOT NULL,
  region text NOT NULL,
  zone text NOT NULL,
  looked_up_at timestamptz NOT NULL,
  PRIMARY KEY (source, region)
);

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
