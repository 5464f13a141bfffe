--- The catalogue: a code for every error message of OpenGateLLM, in any version from 0.4.1 on.
--
-- The server sends sentences without codes. The sentences changed from version to version; the codes here do not. Sources: the exception
-- classes of 0.4.1, the error catalogue of 0.9, recorded answers. An error that a provider behind the gateway sent keeps its own code.
--
-- @module opengatellm.operations.error_codes
local M = {}

-- The first pattern that fits a message gives the code; `true`: the same call may succeed later, whatever the status.
local CODES = {
  { "^Not Found$", "route_not_found" },
  { "^Method Not Allowed$", "method_not_allowed" },

  -- The caller
  { "^Not authenticated", "not_authenticated" },
  { "^Invalid authentication scheme", "invalid_auth_scheme" },
  { "^Invalid API key", "invalid_api_key" },
  { "^Your account has expired", "account_expired" },
  { "^User has no admin rights", "not_admin" },
  { "^Insufficient rights", "not_admin" },
  { "^User has no read rights", "not_permitted" },
  { "^Missing permission", "not_permitted" },
  { "^Insufficient permissions to access the model", "model_not_permitted" },
  { "^Access denied", "access_denied" },
  { "^Feature not enabled", "feature_disabled" },
  { "^Search build%-in tool is not enabled", "feature_disabled" },
  { "^Reserved email", "email_reserved" },
  { "^Invalid email or password", "invalid_login" },
  { "^Invalid password", "invalid_login" },
  { "^Invalid current password", "invalid_password" },
  { "^Password not set", "password_not_set" },
  { "^Invalid SSO session", "invalid_sso_session" },
  { "^SSO provider is not available", "sso_unavailable" },
  { "^Master is not allowed", "master_not_allowed" },

  -- Limits
  { "^Insufficient budget", "insufficient_budget" },
  { "^Insufficient upload tokens limit", "insufficient_upload_quota" },
  { "equest limit per minute exceeded", "requests_per_minute" },
  { "equest limit per day exceeded", "requests_per_day" },
  { "oken limit per minute exceeded", "tokens_per_minute" },
  { "oken limit per day exceeded", "tokens_per_day" },
  { "^%d+ requests per minute exceeded", "requests_per_minute" },
  { "^%d+ requests per day exceeded", "requests_per_day" },
  { "^%d+ input tokens per minute exceeded", "tokens_per_minute" },
  { "^%d+ input tokens per day exceeded", "tokens_per_day" },
  { "^Rate limit exceeded", "rate_limit_exceeded" },
  { "^File size limit exceeded", "file_too_large" },
  { "^Total chunks content size limit exceeded", "chunks_too_large" },
  { "^batch size %d+ > maximum allowed batch size", "batch_too_large" },
  { "^Max tokens exceeded", "max_tokens_exceeded" },

  -- Objects that exist, or do not
  { "^Model router .*not found", "router_not_found" },
  { "^Model provider .*not found", "provider_not_found" },
  { "^Model .*not found", "model_not_found" },
  { "^Key .*not found", "key_not_found" },
  { "^Token .*not found", "key_not_found" },
  { "^Role .*not found", "role_not_found" },
  { "^Organization .*not found", "organization_not_found" },
  { "^User .*not found", "user_not_found" },
  { "^Collection .*not found", "collection_not_found" },
  { "^Document .*not found", "document_not_found" },
  { "^Chunk .*not found", "chunk_not_found" },
  { "^Tool .*not found", "tool_not_found" },
  { "already exists?", "already_exists" },
  { "^Following aliases already exist", "already_exists" },
  { "already taken", "already_exists" },
  { "^Name conflict with existing", "already_exists" },
  { "cannot be removed", "in_use" },
  { "^Delete %a+ with users is not allowed", "in_use" },

  -- The request
  { "expiration", "invalid_expiration" },
  { "^Key name .* is reserved", "key_name_reserved" },
  { "^Wrong search method", "wrong_search_method" },
  { "^Score threshold is only available", "score_threshold_not_available" },
  { "^Model has wrong type", "wrong_model_type" },
  { "^Wrong model type", "wrong_model_type" },
  { "^Different collections models", "different_models" },
  { "^Inconsistent .*max context length", "inconsistent_max_context_length" },
  { "^Inconsistent .*vector size", "inconsistent_vector_size" },
  { "^Inconsistent model costs", "inconsistent_costs" },
  { "^Invalid model provider type", "invalid_provider_type" },
  { "^Unsupported file type", "unsupported_file_type" },
  { "^Unsupported collection name", "unsupported_collection" },
  { "^Invalid JSON format", "invalid_json" },
  { "^Input validation error", "validation" },

  -- Failures of the server
  { "^Parsing document failed", "parsing_failed" },
  { "^Chunking failed", "chunking_failed" },
  { "^Vectorization failed", "vectorization_failed" },
  { "^Celery task failed", "task_failed" },
  { "^Request formatting failed", "request_formatting_failed" },
  { "^Response formatting failed", "response_formatting_failed" },
  { "^Not implemented", "not_implemented" },
  { "does not support the .* endpoint", "endpoint_not_supported" },
  { "^Model provider .*not reachable", "provider_not_reachable" },
  { "^Model provider .*returned an invalid response", "provider_invalid_response" },
  { "^Model is too busy", "model_busy", true },
  { "^Model is temporarily unavailable", "model_unavailable", true },
  { "^An unexpected error occurred", "internal_error" },
  { "^Internal Server Error", "internal_error" },
}

--- Finds the code of an error that came without one; gives nil if OpenGateLLM does not have such a message.
---@param err ogl.Error
---@return string? code
---@return boolean? retryable
function M.code(err)
  if err.fields then return "validation" end
  for _, row in ipairs(CODES) do
    if err.message:find(row[1]) then return row[2], row[3] end
  end
end

return M
