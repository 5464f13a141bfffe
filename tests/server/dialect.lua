--- Dialects: what each version of OpenGateLLM says differently, told as a change log.
--
-- `dialect.of(text)` gives the traits of the played version that is nearest to a version text ("0.4.3", "v0.8.1",
-- "main"). The first entry of the log says everything, each later one what is new in it; `false` takes a trait away.
-- Code of the routes asks for a trait by its name and never for a version. The traits are read only.
--
-- A trait that is a set (`routes`, `paged`…) is changed by member, a list (in `formats`, say) as a whole.

local dialect = {}

local WHOLE = { users = true, roles = true, organizations = true, routers = true, providers = true, keys = true }

local LOG = {
  { "0.4.1", {
    -- who is there
    no_credentials = 403,            -- FastAPI before 0.122
    legacy_refusal = 403,            -- routes of the old stack, where the migrated ones say 401
    rag_inside = true,               -- collections, documents, chunks, search are OGL's own
    public_permission = true,        -- the permission create_public_collection
    organization_field = "organization", me_organization = "organization", role_field = "role",
    limit_router = "router", provider_router = "router",
    priority = true, me_times = true, password_min = 1,
    qos = true, router_sizes = true, router_created_short = true, provider_created_short = true,
    -- keys
    secret_created = "key", secret_listed = "token", admin_keys = "tokens", admin_secret_created = "token",
    login = { "id", "key" },
    -- lists and statuses: by resource
    paged = { routers = true },      -- total, offset, limit and sort_by, where the others have order_by
    created_whole = { routers = true, providers = true },
    patched_whole = {},
    deleted_whole = { routers = true, providers = true },
    patch_replaces = false, inconsistent = 403,
    -- inference
    usage_chat = "flat", usage_others = "flat",
    embedding_formats = { "float" },
    audio_formats = { "json", "text", "verbose_json" },
    image_text = true,               -- the model type image-text-to-text
    tool_choice = "none",            -- put where a request has none
    chat_search = "plays", old_search_names = true, parse = true,
    chunk_name = "provider", chunk_id = "provider", answer_id = "provider",
    error_frame = "bare", error_first_line = true, retry_after = false,
    limits_chat = false, limits_others = false, -- x-ratelimit headers
    -- usage history
    usage_object = "me.usage", usage_method = true, usage_carbon = true,
    routes = {},                     -- what was added later
    texts = {
      model_missing = "Model not found.", model_type = "Wrong model type.",
      chat_model_missing = "Model not found.", chat_model_type = "Wrong model type.",
      models_missing = "Model not found.",
      rpm = "%d requests per minute exceeded (remaining: 0).", rpd = "%d requests per day exceeded (remaining: 0).",
      tpm = "%d input tokens per minute exceeded (remaining: 0).",
      tpd = "%d input tokens per day exceeded (remaining: 0).",
      no_admin = "User has no admin rights.", no_legacy_admin = "Insufficient rights.",
      legacy_admin = { users = true, roles = true, organizations = true, keys = true },
      file_size = "File size limit exceeded (max: 20971520 bytes).",
      too_busy = "Model is too busy, please try again later.",
      login_password = "Invalid password.", login_user = "User not found.",
      key_expiry = "Invalid token expiration.",
      keys_missing = "Token not found.", users_missing = "User not found.", roles_missing = "Role not found.",
      organizations_missing = "Organization not found.",
      routers_missing = "Model router %d not found.", providers_missing = "Model provider %d not found.",
      users_taken = "User already exists.", roles_taken = "Role already exists.",
      organizations_taken = "Organization name already taken. Please, choose another one.",
      routers_taken = "Router %s already exists.", aliases_taken = "Following aliases already exist: '%s'",
      providers_taken = "Model provider %s for url %s already exists for router %d.",
      providers_unreachable = "Model provider %s not reachable.",
      roles_used = "Delete role with users is not allowed.",
      organizations_used = "Delete organization with users is not allowed.",
    },
  } },
  { "0.4.5", { -- June 2026
    no_credentials = 401,
    limit_router = "router_id", provider_router = "router_id",
    secret_created = "token",
    router_created_short = false,
    paged = { roles = true, providers = true },
    created_whole = { users = true, roles = true },
    patched_whole = { roles = true, routers = true, providers = true },
    deleted_whole = { roles = true },
    usage_chat = "legacy", usage_others = "legacy", usage_carbon = false,
    embedding_formats = { "float", "base64" },
    audio_formats = { "json", "text", "verbose_json", "diarized_json", "srt", "vtt" },
    health_models = "bare",
    texts = {
      models_missing = "Model %s not found.",
      legacy_admin = { organizations = true, keys = true },
      roles_missing = "Role %d not found.", roles_taken = "Role %s already exists.",
      roles_used = "Role %d has %d users and cannot be removed.",
      users_taken = "User %s already exists.",
      providers_unreachable = "Model provider %s not reachable (%d): %s",
    },
  } },
  { "0.6", { -- August 2026, with 0.5: the RAG routes became a service of their own
    rag_inside = false, rag_sizes = true, public_permission = false, legacy_refusal = 401,
    me_organization = "organization_id", me_times = false,
    usage_others = "lean", limits_others = true, inconsistent = 400,
    chat_search = "refuses", old_search_names = false, parse = false, keys_unique = true,
    health_models = "data", basic_auth = true, -- of a provider
    routes = { sso = true },
    texts = {
      model_missing = "Model %s not found.",
      model_type = "Model has wrong type. Expected: %s. Actual: %s.",
      rpm = "Request limit per minute exceeded.", rpd = "Request limit per day exceeded.",
      tpm = "Token limit per minute exceeded.", tpd = "Token limit per day exceeded.",
      file_size = "File size limit exceeded. Expected: 21.0 MB. Actual: %.1f MB.",
      key_expiry = "Key expiration timestamp cannot be greater than %d days from now.",
    },
  } },
  { "0.7", { -- 2 September 2026: /v1/me, /v1/keys, /v1/usage
    secret_created = "value", secret_listed = "value", admin_secret_created = "value", admin_keys = "keys",
    key_user = "user", key_reserved = true, login = false, -- a whole key
    organization_field = "organization_id", role_field = "role_id", old_names_refused = true,
    password_min = 6, me_complete = true, provider_created_short = false,
    paged = { keys = true }, created_whole = WHOLE, patched_whole = WHOLE, deleted_whole = WHOLE,
    patch_replaces = true,
    usage_object = "usage", usage_method = false, usage_total = true,
    routes = { me = true, keys = true, usage = true },
    texts = {
      legacy_admin = {},
      login_password = "Invalid email or password.", login_user = "Invalid email or password.",
      keys_missing = "Key %d not found.",
      users_missing = "User %d not found.", organizations_missing = "Organization %d not found.",
      organizations_taken = "Organization %s already exists.",
      organizations_used = "Organization %d still has users and cannot be removed.",
    },
  } },
  { "0.8", { -- 21 September 2026
    key_user = "user_id", key_filter = "include_expired",
    usage_buckets = true,
  } },
  { "0.9.0", { -- 29 September 2026: chat on the new stack, keys are revoked and not deleted
    key_filter = "status", key_revoked = true, key_rename = true, keys_unique = false,
    paged = { users = true, organizations = true },
    organization_required = true, priority = false, qos = false, basic_auth = false, router_sizes = false,
    usage_chat = "lean", counts_reasoning = true, drops_nulls = true,
    image_text = false, chat_search = false,
    chunk_usage_model = "router", answer_id = "request",
    error_first_line = false, retry_after = "10", limits_chat = true,
    texts = {
      chat_model_missing = "Model %s not found.",
      chat_model_type = "Model has wrong type. Expected: %s. Actual: %s.",
      roles_used = "Role %d still has users and cannot be removed.",
      users_used = "User %d still has routers or providers and cannot be removed.",
      routers_used = "Model router %d still has providers and cannot be removed.",
    },
  } },
  { "0.9.2", { -- 13 November 2026, with 0.9.1
    tool_choice = false,
    chunk_name = "router", chunk_id = "gateway", answer_id = "gateway",
    python_chunks = true,            -- Python's JSON: spaces, and nothing but ASCII
    done_always = true,
    base64_decoded = true,           -- vectors are lists of numbers, whatever was asked for
    error_frame = "event",
  } },
  { "main", { -- after 0.9.2
    embedding_messages = true, budget_dropped = true, router_retries = true, provider_limit = true,
    routes = { organizations_me = true },
  } },
}

local function is_set(value)
  return type(value) == "table" and value[1] == nil
end

--- `base` with `changes`, as a new table; sets are merged by member.
local function changed(base, changes)
  local all = {}
  for trait, value in pairs(base) do all[trait] = value end
  for trait, value in pairs(changes) do
    local merges = is_set(value) and is_set(all[trait]) and trait ~= "legacy_admin"
    all[trait] = merges and changed(all[trait], value) or value
  end
  return all
end

-- From which version on a play is the nearest one, last first.
local NEAREST = {
  { 0, 9, 1, "0.9.2" }, { 0, 9, 0, "0.9.0" }, { 0, 8, 0, "0.8" }, { 0, 7, 0, "0.7" }, { 0, 5, 0, "0.6" },
  { 0, 4, 5, "0.4.5" }, { 0, 0, 0, "0.4.1" },
}

local function nearest(text)
  if text == "main" then return text end
  local major, minor, patch = text:match("(%d+)%.?(%d*)%.?(%d*)")
  local asked = { tonumber(major) or 0, tonumber(minor) or 0, tonumber(patch) or 0 }
  local order = (asked[1] * 1000 + asked[2]) * 1000 + asked[3]
  for _, row in ipairs(NEAREST) do
    if order >= (row[1] * 1000 + row[2]) * 1000 + row[3] then return row[4] end
  end
end

--- The traits of a version; `play` is the version that is played.
function dialect.of(text)
  local play, traits = nearest(text), {}
  for _, entry in ipairs(LOG) do
    traits = changed(traits, entry[2])
    if entry[1] == play then break end
  end
  traits.play = play
  return traits
end

return dialect
