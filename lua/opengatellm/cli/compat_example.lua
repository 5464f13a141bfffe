--- The example of a settings file that `ogl compat config` writes.
--
-- @module opengatellm.cli.compat_example
return [[
-- Settings of `ogl compat`. ogl reads this as data: a table of texts, numbers, true and false; nothing in it runs.
--
-- It is found in the current folder, and in ~/.config/opengatellm ($XDG_CONFIG_HOME/opengatellm); the first lies over the second.
-- Addresses, keys and headers count only there, or in a file that -c names: a folder from elsewhere must not send your key away.
return {
  settings = {
    timeout_seconds = 60,          -- of each answer
    fail_fast = false,             -- true: end with the first case that fails
    verbose = false,               -- true: say what each case is about
    -- expected_token = "PONG-4711",  -- the word that a model is asked to say
    -- magic_number = 42817,          -- the number that it is asked to remember
  },

  -- true: it has to pass, so that a server which says that it has no such thing has failed. false: it is left out.
  -- Images that are made cost more than all others; they run only where they are true here, or named with --case.
  cases = {
    tool_call = true,
    reasoning = false,
    image_generation = false,
    image_edit = false,
  },

  -- Each name is one that the library knows (`ogl compat providers` lists them), or has a `type` that is.
  providers = {
    opengatellm = {
      enabled = true,
      -- model = "mistral-small",            -- default: the first of the server that writes texts
      -- vision_model = "…", embedding_model = "…", rerank_model = "…", image_model = "…",
      max_tokens = 1024,                     -- of each answer; a model that thinks needs room
      -- temperature = 0,
      -- cases = { rerank = false },         -- of this provider alone
    },
    ollama = {
      enabled = false,
      model = "qwen3",
      cases = { forced_tool = false },       -- its protocol lets the model choose
    },
    -- These belong into ~/.config/opengatellm/llm-compat.lua:
    -- mine = {
    --   type = "openai_compatible",
    --   base_url = "https://llm.example.org/v1",
    --   api_key_env = "MY_KEY",             -- the variable that holds the key
    --   headers = { ["x-team"] = "blue" },
    -- },
  },
}
]]
