--- Searching: the parameters of a search, alone or in a chat, and its results.
--
-- @module opengatellm.operations.searching
local M = {}

--- The lines of OpenAPI 0.4.5, schema SearchArgs. `rff_k` is the server's own spelling.
M.PARAMETERS = {
  collection_ids = "list of integer >0, ..100 items, was collections: The collections to search.",
  document_ids = "list of integer >0, ..100 items: The documents to search.",
  metadata_filters = "filter: What the chunks' metadata have to be (ogl.filter).",
  limit = "integer 1..100: Hits at most; the server's default is 10.",
  offset = "integer 0..: Hits to skip.",
  method = "one of semantic|hybrid|lexical: How; the server's default is semantic.",
  rff_k = "integer 0..16384: Smoothing of the ranks that hybrid joins; the server's default is 60.",
  score_threshold = "number 0..1: The least cosine similarity; semantic only.",
}

--- Joins those parameters and more.
---@param more table<string, string>
---@return table<string, string>
function M.with(more)
  local all = {}
  for name, line in pairs(M.PARAMETERS) do all[name] = line end
  for name, line in pairs(more) do all[name] = line end
  return all
end

--- Checks parameters that depend on one another.
---@param options table of the call
---@return string? name of the parameter
---@return string? problem
function M.rule(options)
  if options.score_threshold and options.method and options.method ~= "semantic" then
    return "score_threshold", "it is only available for the semantic search method"
  end
end

---@class ogl.Search
---@field results {score: number, method: string, chunk: table}[] best first
---@field usage? ogl.Usage

--- Reads the hits of a search.
---@param answer table
---@return table? results
---@return string? expected what the answer should have been
function M.finish(answer)
  if type(answer.data) ~= "table" then return nil, "a list of hits" end
  return { results = answer.data, usage = answer.usage }
end

return M
