--- The change log of OpenGateLLM's API, newest version first: it tells the client how to speak to older servers.
--
-- The rows of the operations describe the newest server. An entry says what its version changed:
--
--   new      operations that servers before it do not have
--   gone     operations that it and later servers do not have
--   before   operation -> its form until then. The fields of a row (`method`, `path`, `complete`, …), and: `names`
--            (parameter -> name on the wire), `item_names` (list -> the same for what is in its tables), `with` and
--            `without` (parameters that it had, or did not have yet), `types` (parameter -> its line until then), `fixed` (fields that
--            are always sent; false: no longer), `only_for` (the form differs only for calls with these parameters), `values`
--            (parameter -> values of its enumeration that later servers lack)
--   features features that other calls, which have no rows, got with this version
--
-- Sources: the notes of each release, the source trees of 0.4.1 and 0.9, the OpenAPI documents of 0.4.1 and 0.4.5, recorded
-- exchanges.
--
-- @module opengatellm.operations.change_log
local ORDER = { sort_by = "order_by", sort_order = "order_direction" }
local PUBLIC = { permissions = { "create_public_collection" } }
local OWNERS = { role_id = "role", organization_id = "organization" }

return {
  {
    version = "0.9.3", about = "Not released yet. Users see their organization and have no budget; an administrator's policy says who may sign in by SSO.",
    new = { "organization", "admin.sso.get", "admin.sso.update" }, features = { "embeddings.messages" },
    before = {
      ["admin.providers.create"] = { without = { "qos_limit" } },
      ["admin.providers.update"] = { without = { "qos_limit" } },
      ["admin.routers.create"] = { without = { "qos_retries_before_reject" } },
      ["admin.routers.update"] = { without = { "qos_retries_before_reject" } },
      ["admin.users.create"] = { with = { "budget" } },
      ["admin.users.update"] = { with = { "budget" } },
    },
  },
  {
    version = "0.9", about = "Keys are revoked instead of deleted, and can be renamed; chat has no search; every user has an organization.",
    new = { "keys.update" },
    gone = { "chat.search" },
    before = {
      ["keys.list"] = { without = { "status" }, fixed = { include_expired = "true" } },
      ["admin.keys.list"] = { without = { "status" } },
      ["admin.users.list"] = { names = ORDER },
      ["admin.users.create"] = { with = { "priority" }, types = { organization_id = "integer: The organization's ID." } },
      ["admin.users.update"] = { with = { "priority" } },
      ["admin.organizations.list"] = { names = ORDER },
      ["admin.routers.create"] = { values = { type = { "image-text-to-text" } } },
      ["admin.routers.update"] = { values = { type = { "image-text-to-text" } } },
      ["admin.providers.create"] = { with = { "qos_metric", "qos_limit", "basic_auth" } },
      ["admin.providers.update"] = { with = { "qos_metric", "qos_limit" } },
    },
  },
  {
    version = "0.8", about = "Usage comes in buckets of a day.",
    before = {
      usage = { without = { "models", "key_id" } },
      ["keys.list"] = { fixed = { include_expired = false } },
    },
  },
  {
    version = "0.7", about = "me, keys and usage have paths of their own; a key's secret is its value; an update replaces the whole.",
    before = {
      me = { path = "/me/info" },
      update_me = { path = "/me/info", complete = false, types = { password = "secret ..72: The new password." } },
      usage = { path = "/me/usage" },
      ["keys.create"] = { path = "/me/keys" },
      ["keys.list"] = { path = "/me/keys", names = ORDER },
      ["keys.get"] = { path = "/me/keys/{id}" },
      ["keys.delete"] = { path = "/me/keys/{id}" },
      ["admin.keys.create"] = { path = "/admin/tokens" },
      ["admin.keys.list"] = { path = "/admin/tokens", names = ORDER },
      ["admin.keys.get"] = { path = "/admin/tokens/{id}" },
      ["admin.keys.delete"] = { path = "/admin/tokens/{id}" },
      ["admin.users.create"] = { names = OWNERS, types = { password = "secret 1..72, required: The password." } },
      ["admin.users.list"] = { names = OWNERS },
      ["admin.users.update"] = { names = OWNERS, complete = false, types = { password = "secret 1..72: The new password." } },
      ["admin.roles.update"] = { complete = false },
      ["admin.organizations.update"] = { complete = false },
      ["admin.routers.update"] = { complete = false },
      ["admin.providers.update"] = { complete = false },
    },
  },
  {
    version = "0.6", about = "Signing in by SSO.",
    new = { "sso_login" },
  },
  {
    version = "0.5", about = "Retrieval becomes a service of its own, OpenGateRAG, with the same paths and keys; what was deprecated is gone.",
    gone = { "legacy.parse", "legacy.chunks", "legacy.chunk" },
    before = {
      ocr = {
        json_schema = "schema_definition", only_for = { "bbox_annotation_format", "document_annotation_format" },
        without = { "document_annotation_prompt", "extract_header", "extract_footer", "table_format" },
      },
      ["admin.roles.create"] = { values = PUBLIC },
      ["admin.roles.update"] = { values = PUBLIC },
      ["admin.providers.create"] = { without = { "basic_auth" } },
    },
  },
  {
    version = "0.4.5", about = "Models tell their health; roles and users are administered in a new way; transcripts with speakers and as subtitles.",
    new = { "health_models" },
    before = {
      transcribe = { types = { response_format = "one of json|text|verbose_json: The form of the transcript." } },
      ["admin.roles.create"] = { item_names = { limits = { router_id = "router" } } },
      ["admin.roles.update"] = { item_names = { limits = { router_id = "router" } } },
      ["admin.roles.list"] = { names = ORDER },
      ["admin.providers.create"] = { names = { router_id = "router" } },
      ["admin.providers.update"] = { names = { router_id = "router" } },
      ["admin.providers.list"] = { names = { router_id = "router", sort_by = "order_by", sort_order = "order_direction" } },
    },
  },
}
