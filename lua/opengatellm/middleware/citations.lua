--- Citations: numbers for the sources that an answer cites.
--
--   client:use(ogl.middleware.citations { markers = true })
--   for _, source in ipairs(reply.citations) do print(source.number, source.url, source.title) end
--
-- Each source has one number, in the order in which it is first cited. A citation event gets it as `number`; with `markers`, its text does,
-- too: " [1]" behind what it belongs to. The reply lists the sources as `citations`.
--
-- @module opengatellm.middleware.citations
local options = require "opengatellm.middleware.options"
local recording = require "opengatellm.middleware.recording"

local M = {}

-- Where the protocols put a source's address and title: in the citation itself, or in a member of it.
local INSIDE = { "url_citation", "web", "retrievedContext", "source", "document" }

local function field(data, ...)
  for _, name in ipairs { ... } do
    if type(data[name]) == "string" and data[name] ~= "" then return data[name] end
  end
  for _, name in ipairs(INSIDE) do
    local inner = data[name]
    if type(inner) == "table" then
      local found = field(inner, ...)
      if found then return found end
    end
  end
end

-- The source of a citation: its number, address and title.
local function source_of(state, data)
  if type(data) == "string" then data = { url = data } end
  if type(data) ~= "table" then return nil end
  local url = field(data, "url", "uri", "link", "id", "file_id", "document_id")
  local title = field(data, "title", "document_title", "filename", "name")
  local key = url or title
  if not key then return nil end
  local source = state.by_key[key]
  if not source then
    source = { number = #state.list + 1, url = url, title = title }
    state.by_key[key] = source
    state.list[source.number] = source
  end
  return source
end

--- Makes the middleware.
---@param given? {markers?: boolean} true: the text has " [1]" behind what a source belongs to
---@return ogl.Middleware
function M.new(given)
  given = options.check("citations", given, { markers = "boolean" })
  local function event_of(event, _, state)
    if not event or event.type ~= "citation" then
      if event and event.type == "text" and not event.choice then state.index = event.index end
      return event
    end
    if not state.list then state.list, state.by_key = {}, {} end
    local source = source_of(state, event.data)
    if not source then return event end
    local cited = recording.with(event, "number", source.number)
    if not given.markers or not state.index then return cited end
    return { { type = "text", text = (" [%d]"):format(source.number), index = state.index }, cited }
  end
  return {
    name = "citations", event = event_of,
    done = function(reply, _, _, state)
      if reply and state.list then reply.citations = state.list end
    end,
  }
end

return M
