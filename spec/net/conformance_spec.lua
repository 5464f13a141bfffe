-- Every operation of OpenAPI 0.4.5, asked for through the public client: what is sent fits the document, what comes back is told as it is.
-- After that, the routes of later versions, which no document at hand describes.
local cjson = require "cjson"
local contract = require "server.contract"
local helper = require "spec.helper"
local ogl = require "opengatellm"
local openapi = require "spec.support.openapi"
local replay = require "opengatellm.transport.replay"
local registry = require "opengatellm.operations.registry"
local server_version = require "opengatellm.operations.server"
local told = require "spec.support.told"

local DOCUMENT = helper.shared "reference/opengatellm_openapi_0.4.5.json"
local ABSENT = "the reference material is not here (OGL_SHARED)"

-- Names that 0.4.5 has for what the client calls otherwise.
local ORDER = { sort_by = "order_by", sort_order = "order_direction" }
local OWNERS = { role_id = "role", organization_id = "organization" }
local USERS = { sort_by = "order_by", sort_order = "order_direction", role_id = "role", organization_id = "organization" }
local TOKENS = { sort_by = "order_by", sort_order = "order_direction", user_id = "user" }
local USER = { user_id = "user" }

local function page(more)
  local options = { offset = 3, limit = 7, sort_by = "created", sort_order = "desc" }
  for name, value in pairs(more or {}) do options[name] = value end
  return options
end

local SOUND = { data = "ID3\4\0\255", name = "a.mp3" }
local PDF = { data = "%PDF-1.7", name = "a.pdf" }
local FORMAT = { type = "json_schema", json_schema = { name = "n", schema = { type = "object" }, strict = true, description = "d" } }
local WIRE_FORMAT = { type = "json_schema", json_schema = { name = "n", schema_definition = { type = "object" }, strict = true, description = "d" } }
local COMPARISON = { key = "type", type = "eq", value = "loi" }
local COMPOUND = { operator = "or", filters = { COMPARISON, { key = "year", type = "eq", value = 2026 } } }
local SEARCH = {
  query = "q", collection_ids = { 1, 2 }, document_ids = { 3 }, metadata_filters = COMPOUND, limit = 5, offset = 2, method = "semantic",
  rff_k = 20, score_threshold = 0.5,
}
local SEARCH_TOOL = {
  type = "search", collection_ids = { 1, 2 }, document_ids = { 3 }, metadata_filters = COMPOUND, limit = 5, offset = 2, method = "semantic",
  rff_k = 20, score_threshold = 0.5,
}
local LIMITS = { { router_id = 1, type = "rpm", value = 10 } }
local TOOL = { type = "function", ["function"] = { name = "f", parameters = { type = "object", properties = { a = { type = "string" } } } } }
local MESSAGES = { { role = "user", content = "Bonjour" } }
local ROUTER = {
  name = "r", type = "text-generation", aliases = { "a" }, load_balancing_strategy = "least_busy", cost_prompt_tokens = 0.5,
  cost_completion_tokens = 1.5,
}
local PROVIDER = {
  router_id = 1, timeout = 60, model_hosting_zone = "FRA", model_total_params = 8, model_active_params = 4, qos_metric = "ttft", qos_limit = 0.5,
}
local NEW_PROVIDER = {
  router_id = 1, type = "vllm", url = "http://x", key = "secret-1", timeout = 60, model_name = "m", model_hosting_zone = "FRA",
  model_total_params = 8, model_active_params = 4, qos_metric = "normalized_latency", qos_limit = 0.5,
}
local CHAT = {
  messages = MESSAGES, frequency_penalty = 0.5, presence_penalty = 0.25, logit_bias = { ["50256"] = -1 }, logprobs = true, top_logprobs = 2, n = 1,
  seed = 42, stop = { "a", "b" }, temperature = 0.5, top_p = 0.5, user = "u", tools = { TOOL }, tool_choice = "required",
  parallel_tool_calls = true, output = "json", max_tokens = 9, extra = { max_completion_tokens = 10 },
}
local WIRE_CHAT = {
  model = "m", messages = MESSAGES, frequency_penalty = 0.5, presence_penalty = 0.25, logit_bias = { ["50256"] = -1 }, logprobs = true,
  top_logprobs = 2, n = 1, seed = 42, stop = { "a", "b" }, temperature = 0.5, top_p = 0.5, user = "u", tools = { TOOL }, tool_choice = "required",
  parallel_tool_calls = true, response_format = { type = "json_object" }, max_tokens = 9, max_completion_tokens = 10,
}
local DOCUMENT_FORM = {
  file = { data = "text", name = "a.txt" }, name = "n", collection_id = 1, disable_chunking = true, chunk_size = 100, chunk_min_size = 10,
  chunk_overlap = 5, is_separator_regex = true, separators = { "\n", "x" }, preset_separators = "lua", metadata = { a = 1 },
}
local WIRE_DOCUMENT = {
  file = { filename = "a.txt", content_type = "text/plain", size = 4, content = "text" }, name = "n", collection_id = 1, disable_chunking = true,
  chunk_size = 100, chunk_min_size = 10, chunk_overlap = 5, is_separator_regex = true, separators = { "\n", "x" }, preset_separators = "lua",
  metadata = '{"a":1}',
}

-- A row an operation: operationId, how the client calls it, what is in the path, the options, and what kind of result there is. `names`: option
-- -> name on the wire. `sent`: what the server has to get, where that is not the options under those names. `undeclared`: fields that
-- the document does not have, though the server takes them.
local CASES = {
  -- Models
  { "get_models_v1_models_get", "models", {}, nil, "list of object" },
  { "get_model_v1_models__model__get", "model", { "openai/gpt-oss 120b" }, nil, "object" },
  {
    "chat_completions_v1_chat_completions_post", "chat", {}, CHAT, "chat", sent = WIRE_CHAT,
    undeclared = { "max_tokens" }, -- OGL hands on what it does not know; this is what all versions and providers take
  },
  {
    "chat_completions_v1_chat_completions_post", "chat", {}, {
      messages = MESSAGES, search = {
        collection_ids = { 1, 2 }, document_ids = { 3 }, metadata_filters = COMPOUND, limit = 5, offset = 2, method = "semantic", rff_k = 20,
        score_threshold = 0.5,
      },
    }, "chat", sent = { model = "m", messages = MESSAGES, tools = { SEARCH_TOOL }, tool_choice = "none" },
  },
  {
    "chat_completions_v1_chat_completions_post", "stream", {}, { messages = MESSAGES }, "stream",
    sent = { model = "m", messages = MESSAGES, stream = true, stream_options = { include_usage = true } },
  },
  {
    "embeddings_v1_embeddings_post", "embeddings", {}, { input = { "a", "b" }, dimensions = 4, encoding_format = "base64" }, "embeddings",
    sent = { model = "m", input = { "a", "b" }, dimensions = 4, encoding_format = "base64" },
  },
  {
    "rerank_v1_rerank_post", "rerank", {}, { model = "r", query = "q", documents = { "a", "b" }, top_n = 2 }, "rerank",
  },
  {
    "ocr_v1_ocr_post", "ocr", {}, {
      document = "https://x.org/a.pdf", model = "o", pages = { 1, 3 }, include_image_base64 = true, image_limit = 2, image_min_size = 9,
      bbox_annotation_format = FORMAT, document_annotation_format = FORMAT,
    }, "ocr", sent = {
      document = { type = "document_url", document_url = "https://x.org/a.pdf" }, model = "o", pages = { 0, 2 }, include_image_base64 = true,
      image_limit = 2, image_min_size = 9, bbox_annotation_format = WIRE_FORMAT, document_annotation_format = WIRE_FORMAT,
    },
  },
  {
    "ocr_v1_ocr_post", "ocr", {}, { document = { data = "\137PNG\r\n\26\n", mime = "image/png" } }, "ocr",
    sent = { document = { type = "image_url", image_url = "data:image/png;base64,iVBORw0KGgo=" } },
  },
  {
    "audio_transcriptions_v1_audio_transcriptions_post", "transcribe", {},
    { file = SOUND, language = "fr", prompt = "p", response_format = "diarized_json", temperature = 0.5 }, "transcript", sent = {
      file = { filename = "a.mp3", content_type = "audio/mpeg", size = 6 }, model = "m", language = "fr", prompt = "p",
      response_format = "diarized_json", temperature = 0.5,
    },
  },
  {
    "audio_transcriptions_v1_audio_transcriptions_post", "transcribe", {}, { file = SOUND, response_format = "srt" }, "subtitles",
    sent = { file = { filename = "a.mp3", content_type = "audio/mpeg", size = 6 }, model = "m", response_format = "srt" },
  },

  -- Retrieval
  { "create_collection_v1_collections_post", "collections.create", {}, { name = "n", description = "d", visibility = "public" }, "object" },
  {
    "get_collections_v1_collections_get", "collections.list", {}, page { name = "n", visibility = "public" }, "list of object", names = ORDER,
  },
  { "get_collection_v1_collections__collection_id__get", "collections.get", { 7 }, nil, "object" },
  {
    "update_collection_v1_collections__collection_id__patch", "collections.update", { 7 }, { name = "n", description = "d", visibility = "private" },
    "done",
  },
  { "delete_collection_v1_collections__collection_id__delete", "collections.delete", { 7 }, nil, "done" },
  { "create_document_v1_documents_post", "documents.create", {}, DOCUMENT_FORM, "object", sent = WIRE_DOCUMENT },
  { "create_document_v1_documents_post", "documents.create", {}, { name = "n", collection = 2 }, "object", sent = { name = "n", collection_id = 2 } },
  { "get_documents_v1_documents_get", "documents.list", {}, page { name = "n", collection_id = 1 }, "list of object", names = ORDER },
  { "get_document_v1_documents__document_id__get", "documents.get", { 7 }, nil, "object" },
  { "delete_document_v1_documents__document_id__delete", "documents.delete", { 7 }, nil, "done" },
  {
    "create_document_chunks_v1_documents__document_id__chunks_post", "chunks.create", { 7 },
    { chunks = { { content = "c", metadata = { a = "b" } }, { content = "d" } } }, "object",
  },
  { "get_document_chunks_v1_documents__document_id__chunks_get", "chunks.list", { 7 }, { offset = 3, limit = 7 }, "list of object" },
  { "get_document_chunk_v1_documents__document_id__chunks__chunk_id__get", "chunks.get", { 7, 0 }, nil, "object" },
  { "delete_document_chunk_v1_documents__document_id__chunks__chunk_id__delete", "chunks.delete", { 7, 0 }, nil, "done" },
  { "search_v1_search_post", "search", {}, SEARCH, "search" },
  {
    "search_v1_search_post", "search", {}, { prompt = "q", collections = { 1 }, metadata_filters = COMPARISON, method = "hybrid" }, "search",
    sent = { query = "q", collection_ids = { 1 }, metadata_filters = COMPARISON, method = "hybrid" },
  },

  -- Deprecated
  {
    "parse_v1_parse_beta_post", "legacy.parse", {}, { file = PDF, page_range = "0,2-3", force_ocr = true }, "object",
    sent = { file = { filename = "a.pdf", content_type = "application/pdf", size = 8, content = "%PDF-1.7" }, page_range = "0,2-3", force_ocr = true },
  },
  { "get_chunks_v1_chunks__document__get", "legacy.chunks", { 7 }, { offset = 3, limit = 7 }, "list of object" },
  { "get_chunk_v1_chunks__document___chunk__get", "legacy.chunk", { 7, 2 }, nil, "object" },

  -- One's own account
  { "get_user_v1_me_info_get", "me", {}, nil, "user" },
  {
    "update_user_v1_me_info_patch", "update_me", {}, { name = "n", email = "a@b.c", current_password = "secret-1", password = "secret-2" }, "done",
  },
  { "create_key_v1_me_keys_post", "keys.create", {}, { name = "n", expires = 2000000000 }, "key" },
  { "get_keys_v1_me_keys_get", "keys.list", {}, page(), "list of key", names = ORDER },
  { "get_key_v1_me_keys__key__get", "keys.get", { 7 }, nil, "key" },
  { "delete_key_v1_me_keys__key__delete", "keys.delete", { 7 }, nil, "done" },
  {
    "get_usage_v1_me_usage_get", "usage", {}, { offset = 3, limit = 7, start_time = 1, end_time = 2, endpoint = "/v1/embeddings" }, "list of usage",
  },
  { "login_v1_auth_login_post", "login", {}, { email = "a@b.c", password = "secret-1" }, "key" },

  -- Administration
  {
    "create_user_v1_admin_users_post", "admin.users.create", {}, {
      email = "a@b.c", name = "n", password = "secret-1", role_id = 1, organization_id = 2, budget = 0.5, expires = 2000000000, priority = 3,
    }, "user", names = OWNERS,
  },
  {
    "get_users_v1_admin_users_get", "admin.users.list", {}, page { role_id = 1, organization_id = 2, email = "a@b.c" }, "list of user", names = USERS,
  },
  { "get_user_v1_admin_users__user__get", "admin.users.get", { 7 }, nil, "user" },
  {
    "update_user_v1_admin_users__user__patch", "admin.users.update", { 7 }, {
      email = "a@b.c", name = "n", password = "secret-1", current_password = "secret-2", role_id = 1, organization_id = 2, budget = 0.5,
      expires = 2000000000, priority = 3,
    }, "done", names = OWNERS,
  },
  { "delete_user_v1_admin_users__user_id__delete", "admin.users.delete", { 7 }, nil, "done" },
  { "create_role_v1_admin_roles_post", "admin.roles.create", {}, { name = "n", permissions = { "admin" }, limits = LIMITS }, "role" },
  { "get_roles_v1_admin_roles_get", "admin.roles.list", {}, page(), "list of role" },
  { "get_role_v1_admin_roles__role_id__get", "admin.roles.get", { 7 }, nil, "role" },
  { "update_role_v1_admin_roles__role_id__patch", "admin.roles.update", { 7 }, { name = "n", permissions = { "admin" }, limits = LIMITS }, "role" },
  { "delete_role_v1_admin_roles__role_id__delete", "admin.roles.delete", { 7 }, nil, "role" },
  { "create_organization_v1_admin_organizations_post", "admin.organizations.create", {}, { name = "n" }, "object" },
  { "get_organizations_v1_admin_organizations_get", "admin.organizations.list", {}, page(), "list of object", names = ORDER },
  { "get_organization_v1_admin_organizations__organization__get", "admin.organizations.get", { 7 }, nil, "object" },
  { "update_organization_v1_admin_organizations__organization__patch", "admin.organizations.update", { 7 }, { name = "n" }, "done" },
  { "delete_organization_v1_admin_organizations__organization__delete", "admin.organizations.delete", { 7 }, nil, "done" },
  { "create_router_v1_admin_routers_post", "admin.routers.create", {}, ROUTER, "object" },
  { "get_routers_v1_admin_routers_get", "admin.routers.list", {}, page(), "list of object" },
  { "get_router_v1_admin_routers__router_id__get", "admin.routers.get", { 7 }, nil, "object" },
  { "update_router_v1_admin_routers__router_id__patch", "admin.routers.update", { 7 }, ROUTER, "object" },
  { "delete_router_v1_admin_routers__router_id__delete", "admin.routers.delete", { 7 }, nil, "object" },
  { "create_provider_v1_admin_providers_post", "admin.providers.create", {}, NEW_PROVIDER, "object" },
  { "get_providers_v1_admin_providers_get", "admin.providers.list", {}, page { router_id = 1 }, "list of object" },
  { "get_provider_v1_admin_providers__provider_id__get", "admin.providers.get", { 7 }, nil, "object" },
  { "update_provider_v1_admin_providers__provider_id__patch", "admin.providers.update", { 7 }, PROVIDER, "object" },
  { "delete_provider_v1_admin_providers__provider_id__delete", "admin.providers.delete", { 7 }, nil, "object" },
  { "create_token_v1_admin_tokens_post", "admin.keys.create", {}, { name = "n", user_id = 3, expires = 2000000000 }, "key", names = USER },
  { "get_tokens_v1_admin_tokens_get", "admin.keys.list", {}, page { user_id = 3 }, "list of key", names = TOKENS },
  { "get_token_v1_admin_tokens__token__get", "admin.keys.get", { 7 }, nil, "key" },
  { "delete_token_v1_admin_tokens__token__delete", "admin.keys.delete", { 7 }, nil, "done" },

  -- Monitoring
  { "get_health_health_get", "health", {}, nil, "object" },
  { "get_health_models_health_models_get", "health_models", {}, nil, "list of object" },
  { "get_metrics_metrics_get", "metrics", {}, nil, "text" },
  { "get_metrics_metrics_get", "metrics", {}, { parse = true }, "families", sent = {} },
}

-- Declared, but never sent.
local UNSENT = {
  required = "a parameter of a function inside the server, which its framework shows by mistake; it does nothing",
  collection = "the deprecated name of collection_id, under which it is sent",
  search = "deprecated: the tool of that name does the same",
  search_args = "deprecated, with search",
}

-- Limits of the document that the client leaves to the server: "operation: parameter rule" -> why.
local LEFT_TO_SERVER = {
  ["embeddings: encoding_format enum"] = "what a server takes depends on its version and its provider",
}

-- A row a route of the reference's table from 0.5 on: method, path, the version that it came with, the call, what is in the path, the
-- options; `gone`: the version that has another path for it.
local ROUTES = {
  { "GET", "/health", "0.5", "health" },
  { "GET", "/health/models", "0.5", "health_models" },
  { "GET", "/metrics", "0.5", "metrics" },
  { "GET", "/v1/models", "0.5", "models" },
  { "GET", "/v1/models/openai/gpt", "0.5", "model", { "openai/gpt" } },
  { "POST", "/v1/chat/completions", "0.5", "chat", {}, { messages = MESSAGES } },
  { "POST", "/v1/embeddings", "0.5", "embeddings", {}, { input = "a" } },
  { "POST", "/v1/rerank", "0.5", "rerank", {}, { query = "q", documents = { "a" } } },
  { "POST", "/v1/ocr", "0.5", "ocr", {}, { document = "https://x.org/a.pdf" } },
  { "POST", "/v1/audio/transcriptions", "0.5", "transcribe", {}, { file = SOUND } },

  -- Of OpenGateRAG
  { "POST", "/v1/search", "0.5", "search", {}, { query = "q" } },
  { "POST", "/v1/collections", "0.5", "collections.create", {}, { name = "n" } },
  { "GET", "/v1/collections", "0.5", "collections.list" },
  { "GET", "/v1/collections/7", "0.5", "collections.get", { 7 } },
  { "PATCH", "/v1/collections/7", "0.5", "collections.update", { 7 }, { name = "n" } },
  { "DELETE", "/v1/collections/7", "0.5", "collections.delete", { 7 } },
  { "POST", "/v1/documents", "0.5", "documents.create", {}, { name = "n", collection_id = 1 } },
  { "GET", "/v1/documents", "0.5", "documents.list" },
  { "GET", "/v1/documents/7", "0.5", "documents.get", { 7 } },
  { "DELETE", "/v1/documents/7", "0.5", "documents.delete", { 7 } },
  { "POST", "/v1/documents/7/chunks", "0.5", "chunks.create", { 7 }, { chunks = { { content = "c" } } } },
  { "GET", "/v1/documents/7/chunks", "0.5", "chunks.list", { 7 } },
  { "GET", "/v1/documents/7/chunks/8", "0.5", "chunks.get", { 7, 8 } },
  { "DELETE", "/v1/documents/7/chunks/8", "0.5", "chunks.delete", { 7, 8 } },

  -- One's own account
  { "GET", "/v1/me/info", "0.5", "me", gone = "0.7" },
  { "GET", "/v1/me", "0.7", "me" },
  { "PATCH", "/v1/me/info", "0.5", "update_me", {}, { name = "n" }, gone = "0.7" },
  { "PATCH", "/v1/me", "0.7", "update_me", {}, { name = "n" } },
  { "POST", "/v1/me/keys", "0.5", "keys.create", {}, { name = "n" }, gone = "0.7" },
  { "POST", "/v1/keys", "0.7", "keys.create", {}, { name = "n" } },
  { "GET", "/v1/me/keys", "0.5", "keys.list", gone = "0.7" },
  { "GET", "/v1/keys", "0.7", "keys.list" },
  { "GET", "/v1/me/keys/7", "0.5", "keys.get", { 7 }, gone = "0.7" },
  { "GET", "/v1/keys/7", "0.7", "keys.get", { 7 } },
  { "PATCH", "/v1/keys/7", "0.9", "keys.update", { 7 }, { name = "n" } },
  { "DELETE", "/v1/me/keys/7", "0.5", "keys.delete", { 7 }, gone = "0.7" },
  { "DELETE", "/v1/keys/7", "0.7", "keys.delete", { 7 } },
  { "GET", "/v1/me/usage", "0.5", "usage", gone = "0.7" },
  { "GET", "/v1/usage", "0.7", "usage" },
  { "GET", "/v1/organizations/me", "0.9.3", "organization" },
  { "POST", "/v1/auth/login", "0.5", "login", {}, { email = "a@b.c", password = "secret-1" } },
  { "POST", "/v1/auth/sso/login", "0.6", "sso_login", {}, { email = "a@b.c", token = "secret-1" } },

  -- Administration
  {
    "POST", "/v1/admin/users", "0.5", "admin.users.create", {}, { email = "a@b.c", password = "secret-1", role_id = 1, organization_id = 2 },
  },
  { "GET", "/v1/admin/users", "0.5", "admin.users.list" },
  { "GET", "/v1/admin/users/7", "0.5", "admin.users.get", { 7 } },
  { "PATCH", "/v1/admin/users/7", "0.5", "admin.users.update", { 7 }, { name = "n" } },
  { "DELETE", "/v1/admin/users/7", "0.5", "admin.users.delete", { 7 } },
  { "POST", "/v1/admin/roles", "0.5", "admin.roles.create", {}, { name = "n" } },
  { "GET", "/v1/admin/roles", "0.5", "admin.roles.list" },
  { "GET", "/v1/admin/roles/7", "0.5", "admin.roles.get", { 7 } },
  { "PATCH", "/v1/admin/roles/7", "0.5", "admin.roles.update", { 7 }, { name = "n" } },
  { "DELETE", "/v1/admin/roles/7", "0.5", "admin.roles.delete", { 7 } },
  { "POST", "/v1/admin/organizations", "0.5", "admin.organizations.create", {}, { name = "n" } },
  { "GET", "/v1/admin/organizations", "0.5", "admin.organizations.list" },
  { "GET", "/v1/admin/organizations/7", "0.5", "admin.organizations.get", { 7 } },
  { "PATCH", "/v1/admin/organizations/7", "0.5", "admin.organizations.update", { 7 }, { name = "n" } },
  { "DELETE", "/v1/admin/organizations/7", "0.5", "admin.organizations.delete", { 7 } },
  { "POST", "/v1/admin/routers", "0.5", "admin.routers.create", {}, { name = "n", type = "text-generation" } },
  { "GET", "/v1/admin/routers", "0.5", "admin.routers.list" },
  { "GET", "/v1/admin/routers/7", "0.5", "admin.routers.get", { 7 } },
  { "PATCH", "/v1/admin/routers/7", "0.5", "admin.routers.update", { 7 }, { name = "n" } },
  { "DELETE", "/v1/admin/routers/7", "0.5", "admin.routers.delete", { 7 } },
  { "POST", "/v1/admin/providers", "0.5", "admin.providers.create", {}, { router_id = 1, type = "vllm", model_name = "m" } },
  { "GET", "/v1/admin/providers", "0.5", "admin.providers.list" },
  { "GET", "/v1/admin/providers/7", "0.5", "admin.providers.get", { 7 } },
  { "PATCH", "/v1/admin/providers/7", "0.5", "admin.providers.update", { 7 }, { timeout = 60 } },
  { "DELETE", "/v1/admin/providers/7", "0.5", "admin.providers.delete", { 7 } },
  { "POST", "/v1/admin/tokens", "0.5", "admin.keys.create", {}, { name = "n", user_id = 3 }, gone = "0.7" },
  { "POST", "/v1/admin/keys", "0.7", "admin.keys.create", {}, { name = "n", user_id = 3 } },
  { "GET", "/v1/admin/tokens", "0.5", "admin.keys.list", gone = "0.7" },
  { "GET", "/v1/admin/keys", "0.7", "admin.keys.list" },
  { "GET", "/v1/admin/tokens/7", "0.5", "admin.keys.get", { 7 }, gone = "0.7" },
  { "GET", "/v1/admin/keys/7", "0.7", "admin.keys.get", { 7 } },
  { "DELETE", "/v1/admin/tokens/7", "0.5", "admin.keys.delete", { 7 }, gone = "0.7" },
  { "DELETE", "/v1/admin/keys/7", "0.7", "admin.keys.delete", { 7 } },
  { "GET", "/v1/admin/sso/policy", "0.9.3", "admin.sso.get" },
  { "PUT", "/v1/admin/sso/policy", "0.9.3", "admin.sso.update", {}, { rules = { { type = "email", value = "*@b.c", organization_id = 1 } } } },
}

local function sorted(list)
  local out = { (table.unpack or unpack)(list) }
  table.sort(out)
  return out
end

describe("conformance to OpenAPI 0.4.5", function()
  if not DOCUMENT then return it("of every operation", function() pending(ABSENT) end) end

  local document = contract.load(DOCUMENT)
  local operations, servers = {}, {}
  for _, operation in ipairs(document.operations) do operations[operation.name] = operation end

  local function server(mode)
    servers[mode] = servers[mode] or openapi.start(DOCUMENT, mode)
    return servers[mode]
  end

  local function client_of(mode) return helper.client_of(server(mode).url, { version = "0.4.5", model = "m", retries = { max = 0 } }) end

  after_each(helper.close)
  teardown(function()
    for _, each in pairs(servers) do each:stop() end
  end)

  local function sent_of(case) return case.sent or told.renamed(case[4], case.names) end

  -- What was sent, as the server saw it.
  local function check_request(case, record)
    assert.equal(case[1], record.operation)
    assert.same({}, record.violations)
    assert.same(case.undeclared or {}, record.undeclared)
    local body, query = record.body ~= cjson.null and openapi.strip(record.body) or {}, record.query
    local operation = operations[case[1]]
    assert.same(sent_of(case), operation.body and body or query)
    assert.same({}, operation.body and query or body)
  end

  -- What was answered, as the client tells it.
  local function check_result(case, record, result)
    local text = record.response ~= cjson.null and record.response or nil
    local decoded, answer = pcall(cjson.decode, text)
    answer = decoded and openapi.strip(answer) or nil
    assert.same(told.expected(case[5], answer, text, case[4]), told.shown(case[5], result))
    if not case[5]:find "^list of" then return end
    assert.equal(answer.total, result.total)
    assert.equal(answer.offset or (case[4] or {}).offset or 0, result.offset)
    assert.equal(answer.limit or (case[4] or {}).limit, result.limit)
  end

  local function check(case, mode)
    server(mode):reset()
    local result, err = told.perform(client_of(mode), case[2], case[3], case[4])
    assert.is_nil(err)
    local records = server(mode):records()
    assert.equal(1, #records)
    check_request(case, records[1])
    check_result(case, records[1], result)
  end

  for _, mode in ipairs { "", "--minimal" } do
    describe(mode == "" and "with whole answers" or "with answers of required fields alone", function()
      for i, case in ipairs(CASES) do
        it(("sends %s as declared, and tells its answer (%d)"):format(case[2], i), function() check(case, mode) end)
      end
    end)
  end

  it("covers all operations", function()
    local hit, count = {}, 0
    for _, case in ipairs(CASES) do
      if operations[case[1]] and not hit[case[1]] then hit[case[1]], count = true, count + 1 end
    end
    io.write(("coverage: %d of %d operations of OpenAPI 0.4.5\n"):format(count, #document.operations))
    for _, operation in ipairs(document.operations) do assert.is_true(hit[operation.name], operation.name .. " has no case") end
    assert.equal(#document.operations, count)
  end)

  -- The fields of an operation's body, by name, and what may be in its address.
  local function declared(operation)
    local fields = {}
    for _, rules in pairs((operation.body or { content = {} }).content) do
      for name, field in pairs(contract.resolve(document.root, rules).properties) do fields[name] = field end
    end
    for _, each in ipairs(operation.parameters) do
      if each.place == "query" then fields[each.name] = each.schema end
    end
    return fields
  end

  it("covers all parameters", function()
    local seen = {}
    for _, case in ipairs(CASES) do
      for name in pairs(sent_of(case)) do seen[case[1] .. " " .. name] = true end
    end
    for _, operation in ipairs(document.operations) do
      for name in pairs(declared(operation)) do
        assert.is_truthy(UNSENT[name] or seen[operation.name .. " " .. name], operation.name .. ": no case has " .. name)
      end
    end
  end)

  it("covers all rows of the client", function()
    local seen = {}
    for _, case in ipairs(CASES) do seen[case[2]] = true end
    for _, route in ipairs(ROUTES) do seen[route[4]] = true end
    for _, row in ipairs(registry.all()) do -- what is beyond OpenGateLLM is in no document of its: spec/operations/openai_routes_spec.lua has it
      assert.is_true(seen[row.name] or row.only_others, row.name .. " has no case")
    end
  end)

  local function add_forbidden(calls, found, change)
    for _, each in ipairs(found) do
      local ids, options = change(each.value)
      calls[#calls + 1] = { at = each.at, rule = each.rule, ids = ids, options = options }
    end
  end

  -- The calls of a case, each with one value that the document forbids.
  local function forbidden_calls(case)
    local operation, calls, fields = operations[case[1]], {}, declared(operations[case[1]])
    for name, value in pairs(case[4] or {}) do
      local rules = fields[case.names and case.names[name] or name]
      add_forbidden(calls, rules and openapi.forbidden(document.root, rules, value, name) or {}, function(bad)
        local options = told.renamed(case[4])
        options[name] = bad
        return case[3], options
      end)
    end
    local places = {}
    for i, name in ipairs(operation.captures) do places[name] = i end
    for _, each in ipairs(operation.parameters) do
      local place = places[each.name]
      add_forbidden(calls, place and openapi.forbidden(document.root, each.schema, case[3][place], each.name) or {}, function(bad)
        local ids = { (table.unpack or unpack)(case[3]) }
        ids[place] = bad
        return ids, case[4]
      end)
    end
    return calls
  end

  it("refuses what the document forbids before anything is sent", function()
    local client, count, wrong = client_of "", 0, {}
    for _, case in ipairs(CASES) do
      for _, call in ipairs(forbidden_calls(case)) do
        server "":reset()
        local result, err = told.perform(client, case[2], call.ids, call.options)
        local label = ("%s: %s %s"):format(case[2], call.at, call.rule)
        local refused = result == nil and err.kind == "invalid" and #server "":records() == 0
        if refused == (LEFT_TO_SERVER[label] ~= nil) then wrong[#wrong + 1] = label .. (refused and " is refused" or " is not refused") end
        count = count + 1
      end
    end
    io.write(("limits: %d values beyond those of OpenAPI 0.4.5\n"):format(count))
    assert.same({}, wrong)
  end)

  it("refuses in a chat what the document forbids a search", function()
    local client, wrong = client_of "", {}
    for _, each in ipairs(openapi.forbidden(document.root, document.root.components.schemas.SearchTool, SEARCH_TOOL, "search")) do
      server "":reset()
      each.value.type = nil -- the client puts it there
      local result, err = client:chat { messages = MESSAGES, search = each.value }
      local label = ("chat: %s %s"):format(each.at, each.rule)
      local refused = result == nil and err.kind == "invalid" and #server "":records() == 0
      if refused == (LEFT_TO_SERVER[label] ~= nil) then wrong[#wrong + 1] = label .. (refused and " is refused" or " is not refused") end
    end
    assert.same({}, wrong)
  end)

  it("sends the empty list of a chat's search as a list", function()
    local transport = replay.new { body = "{}" }
    local client = ogl.client { base_url = "http://server", api_key = helper.KEY, model = "m", version = "0.4.5", transport = transport }
    client:chat { messages = MESSAGES, search = { collection_ids = {} } }
    assert.matches('"collection_ids":[]', transport.requests[1].body, 1, true)
  end)

  -- The values of an enumeration in order; nil: it is none.
  local function values_of(rules)
    local values
    rules = contract.resolve(document.root, rules)
    for _, branch in ipairs(rules.anyOf or { rules.items or rules }) do
      branch = contract.resolve(document.root, branch)
      branch = branch.items and contract.resolve(document.root, branch.items) or branch
      values = branch.enum or values
    end
    return values and sorted(values)
  end

  -- Adds the parameters of a case that are an enumeration for the client, and another or none for the document.
  local function compare_values(case, row, wrong)
    local fields = declared(operations[case[1]])
    for name, parameter in pairs(row.parameters) do
      local values = not row.absent[name] and (parameter.item or parameter).values
      local theirs = fields[row.names[name] or name]
      local same = values and theirs and table.concat(values_of(theirs), "|") == table.concat(sorted(values), "|")
      local label = case[2] .. ": " .. name
      if values and not same then wrong[#wrong + 1] = label end
    end
  end

  it("takes the values of each enumeration, and no others", function()
    local wrong = {}
    for _, case in ipairs(CASES) do
      local row = registry.find(case[2]) and registry.at(case[2], server_version.parse "0.4.5")
      if row then compare_values(case, row, wrong) end
    end
    assert.same({}, wrong)
  end)
end)

-- An answer that all operations can read.
local ANSWER = '{"id":1,"text":"x","data":[{"id":1,"index":0,"embedding":[0.5]}],"results":[],"pages":[],'
  .. '"choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}]}'

describe("routes from 0.5 on", function()
  local function check(route, version)
    local transport = replay.new { headers = { ["content-type"] = "application/json" }, body = ANSWER }
    local client = ogl.client {
      base_url = "http://server", api_key = helper.KEY, model = "m", version = version, transport = transport, retries = { max = 0 },
    }
    local result, err = told.perform(client, route[4], route[5] or {}, route[6])
    assert.is_nil(err)
    assert.is_truthy(result)
    local last = table.remove(transport.requests)
    assert.same({ route[1], "http://server" .. route[2] }, { last.method, (last.url:gsub("%?.*", "")) })
    for _, request in ipairs(transport.requests) do -- what an update leaves as it is was asked for
      assert.same({ "PATCH", "GET", last.url }, { last.method, request.method, request.url })
    end
  end

  for _, route in ipairs(ROUTES) do
    local versions = route.gone and { route[3] } or { route[3], "main" }
    for _, version in ipairs(versions) do
      it(("asks for %s %s at %s"):format(route[1], route[2], version), function() check(route, version) end)
    end
  end
end)
