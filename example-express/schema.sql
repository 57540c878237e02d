-- Runs at every start. Several instances may start at once: the lock makes them wait for each other.
DO $$ BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('example-express'));
  -- IF NOT EXISTS would ask for the right to create, and lock the table at every start while logins wait.
  IF to_regclass('users') IS NULL THEN
    CREATE TABLE users (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      app_id text NOT NULL,
      openid text NOT NULL,
      unionid text,
      nickname text NOT NULL,
      avatar text NOT NULL,
      refresh_token text, -- mini programs have none
      created_at timestamptz NOT NULL DEFAULT now(),
      seen_at timestamptz NOT NULL DEFAULT now(),
      UNIQUE (app_id, openid) -- an account is one user of one app
    );
  END IF;
  -- Somebody else's table of that name is found out now, and not by the first visitor.
  PERFORM app_id, openid, unionid, nickname, avatar, refresh_token, seen_at FROM users LIMIT 0;
  IF to_regclass('users_unionid') IS NULL THEN
    CREATE INDEX users_unionid ON users (unionid);
  END IF;
END $$
