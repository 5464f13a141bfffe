--- Writes what is made of the operations' rows: docs/operations.md for people, lua/opengatellm/types.lua for language servers.
--
--   lua5.4 docs/generate.lua [--check]     with --check nothing is written: it fails where a file is not what it would write
--
-- Needs the modules on package.path and package.cpath (`make docs` sets them).
local registry = require "opengatellm.operations.registry"
local invocation = require "opengatellm.operations.invocation"

local GROUPS = {
  inference = "Models and inference", openai_routes = "Speech, images, moderation, files and batches, of other servers",
  rag = "Collections, documents, chunks, search", account = "Account", admin = "Administration",
  monitoring = "Monitoring",
}

-- What both say ---------------------------------------------------------------------------------------------------

local function is_needed(parameter) return parameter.required and not parameter.from_client or false end

local function sorted(parameters, places, wanted)
  local names = {}
  for name in pairs(parameters) do
    if wanted(places[name]) then names[#names + 1] = name end
  end
  table.sort(names, function(a, b)
    local x, y = is_needed(parameters[a]), is_needed(parameters[b])
    if x ~= y then return x end
    return a < b
  end)
  return names
end

local function not_in_path(place) return place ~= "path" end

-- A long enumeration is named by its first values.
local function values_of(parameter, quote)
  local shown = {}
  for i, value in ipairs(parameter.values) do
    if i > 8 then
      shown[i] = "…"
      break
    end
    shown[i] = quote(value)
  end
  return shown
end

local function bounds_of(parameter)
  local texts = {}
  local function add(low, high, word)
    if low and high then texts[#texts + 1] = ("%.14g to %.14g%s"):format(low, high, word)
    elseif low then texts[#texts + 1] = ("%.14g%s or more"):format(low, low == 1 and word:gsub("s$", "") or word)
    elseif high then texts[#texts + 1] = ("at most %.14g%s"):format(high, word) end
  end
  local word = (parameter.type == "string" or parameter.type == "secret") and " characters" or ""
  add(parameter.min, parameter.max, word)
  if parameter.above then texts[#texts + 1] = "more than " .. parameter.above end
  add(parameter.items_min, parameter.items_max, " items")
  return table.concat(texts, ", ")
end

local function versions_of(name)
  local since, gone = registry.lifetime(name)
  if since then return "from " .. since .. " on" end
  return gone and "before " .. gone or ""
end

-- Markdown --------------------------------------------------------------------------------------------------------

local NAMES = {
  secret = "string", time = "time", file = "file", files = "file or list of files", filter = "filter", metadata = "metadata",
  login = "table",
}

local function type_for_people(parameter)
  if parameter.type == "list" then return "list of " .. type_for_people(parameter.item) end
  if parameter.type == "enum" then
    return table.concat(values_of(parameter, function(value) return "`" .. value .. "`" end), ", ")
  end
  return NAMES[parameter.type] or parameter.type
end

local function parameter_line(operation, name)
  local parameter = operation.parameters[name]
  local bounds, notes = bounds_of(parameter), {}
  if bounds ~= "" then notes[#notes + 1] = bounds end
  if is_needed(parameter) then notes[#notes + 1] = "needed" end
  local range = registry.range_of(operation.name, name)
  if range ~= "" then notes[#notes + 1] = range end
  if range == "" and operation.absent[name] then notes[#notes + 1] = "not OpenGateLLM" end
  local note = notes[1] and " (" .. table.concat(notes, "; ") .. ")" or ""
  return ("- `%s`: %s%s. %s"):format(name, type_for_people(parameter), note, parameter.doc)
end

local function call_text(operation)
  local arguments = { table.concat(operation.ids, ", ") }
  if arguments[1] == "" then arguments = {} end
  local names = sorted(operation.parameters, operation.places, not_in_path)
  if names[1] then arguments[#arguments + 1] = "{…}" end
  return invocation.where(operation.name) .. "(" .. table.concat(arguments, ", ") .. ")"
end

-- Older servers answer a change with nothing.
local SILENT = { PATCH = true, DELETE = true }
local PLAIN = { text = "text", bytes = "bytes" }

local function result_text(operation)
  local text = PLAIN[operation.result] or "`" .. operation.result .. "`"
  return SILENT[operation.method] and text .. ", or `true` where the server answers with nothing" or text
end

local function section(lines, operation)
  local versions = versions_of(operation.name)
  lines[#lines + 1] = "### `" .. call_text(operation) .. "`"
  lines[#lines + 1] = ""
  local path = operation.root and operation.path or "/v1" .. operation.path
  if operation.follow then path = path .. "`, then `/v1" .. operation.follow end
  lines[#lines + 1] = ("%s `%s %s`%s, gives %s."):format(operation.doc, operation.method, path,
    versions ~= "" and ", " .. versions or "", result_text(operation))
  lines[#lines + 1] = ""
  local names = sorted(operation.parameters, operation.places, not_in_path)
  for _, name in ipairs(names) do lines[#lines + 1] = parameter_line(operation, name) end
  if names[1] then lines[#lines + 1] = "" end
end

local function markdown()
  local lines = {
    "# Operations", "",
    "```lua",
    'local client = require "opengatellm".client()              -- the server and the key come from $OGL_URL and $OGL_TOKEN',
    "",
    'local collection = assert(client.collections:create { name = "codes", visibility = "private" })',
    'for each in client.collections:each { name = "codes" } do print(each.name, each.visibility) end',
    "assert(client.collections:delete(collection.id))",
    "```", "",
    "```text", "codes\tprivate", "```", "",
    "Every call of OpenGateLLM beside chat and embeddings, as it is on the newest server; on an older one the client translates paths",
    "and names. Ids of the path come first, then one table, which may also hold `headers`, `timeouts`, `on_progress(done, total)`,",
    "`strict` and `extra`; a call gives the result, or `nil, err`. Every `list` has an `each`, which walks all pages:",
    "`for key in client.keys:each() do`.", "",
    "Other servers have the first group, and the second, which OpenGateLLM does not have. A provider's `dialects` say which of them it",
    "has, and in which form (`lua/opengatellm/operations/server_dialects.lua`). A call that the server lacks is an error `unsupported`,",
    "before anything is sent.", "",
    "[Requests](requests.md#beside-chats) shows `client:embeddings{…}` and `client:count_tokens(request)`.", "",
    "`make docs` makes this page from the rows in `lua/opengatellm/operations`.", "",
  }
  for _, group in ipairs(registry.GROUPS) do
    lines[#lines + 1] = "## " .. GROUPS[group]
    lines[#lines + 1] = ""
    for _, operation in ipairs(registry.all()) do
      if operation.group == group then section(lines, operation) end
    end
  end
  return table.concat(lines, "\n")
end

-- Annotations -------------------------------------------------------------------------------------------------------

local RESULTS = {
  object = "table", text = "string", bytes = "ogl.Download", key = "ogl.Key", user = "ogl.User", role = "ogl.Role",
  organization = "ogl.Organization", router = "ogl.Router", provider = "ogl.Provider", usage = "ogl.UsageEntry",
}
local OWN_RESULTS = { -- what a `finish` makes
  rerank = "ogl.Rerank", ocr = "ogl.OCR", transcribe = "ogl.Transcript", search = "ogl.Search",
  metrics = "string|table<string, ogl.MetricFamily>", images = "ogl.Images", edit_images = "ogl.Images", moderate = "ogl.Moderation",
  ["batches.results"] = "ogl.BatchResults",
}
local TYPES = {
  login = "{username: string, password: string}",
  secret = "string", time = "integer", file = "ogl.Source", files = "ogl.Source|ogl.Source[]", filter = "ogl.Filter", any = "any",
  ["function"] = "fun(bytes: string): boolean?, any",
  metadata = "table<string, string|number|boolean>",
}

local function annotation(parameter)
  if parameter.type == "list" then return "(" .. annotation(parameter.item) .. ")[]" end
  if parameter.type == "enum" then
    if #parameter.values > 12 then return "string" end
    local quoted = {}
    for i, value in ipairs(parameter.values) do quoted[i] = '"' .. value .. '"' end
    return table.concat(quoted, "|")
  end
  return TYPES[parameter.type] or parameter.type
end

local function result_type(operation)
  local item = operation.result:match "^list of (%a+)$"
  if item then return RESULTS[item] .. "[]|ogl.Page" end
  return OWN_RESULTS[operation.name] or RESULTS[operation.result]
end

local function options_class(operation) return "ogl." .. operation.name .. ".Options" end

local function write_options(lines, operation)
  lines[#lines + 1] = "---@class " .. options_class(operation) .. ": ogl.CallOptions"
  for _, name in ipairs(sorted(operation.parameters, operation.places, not_in_path)) do
    local parameter = operation.parameters[name]
    local bounds = bounds_of(parameter)
    lines[#lines + 1] = ("---@field %s%s %s %s%s"):format(name, is_needed(parameter) and "" or "?", annotation(parameter), parameter.doc,
      bounds ~= "" and " (" .. bounds .. ")" or "")
  end
  lines[#lines + 1] = ""
end

local function signature(operation)
  local arguments = { "self: any" }
  for _, id in ipairs(operation.ids) do arguments[#arguments + 1] = id .. ": " .. annotation(operation.parameters[id]) end
  local needed = false
  for name, parameter in pairs(operation.parameters) do
    needed = needed or operation.places[name] ~= "path" and is_needed(parameter)
  end
  arguments[#arguments + 1] = "options" .. (needed and "" or "?") .. ": " .. options_class(operation)
  return table.concat(arguments, ", ")
end

-- The class of a resource, and the methods in it.
local function holder(name)
  local path, last = name:match "^(.*)%.([%w_]+)$"
  return path and "ogl.Client." .. path or "ogl.Client", last or name
end

local function write_methods(lines, classes, order)
  for _, class in ipairs(order) do
    lines[#lines + 1] = "---@class " .. class
    for _, field in ipairs(classes[class]) do lines[#lines + 1] = "---@field " .. field end
    lines[#lines + 1] = ""
  end
end

local function add_class(classes, order, class)
  if classes[class] then return end
  classes[class] = {}
  order[#order + 1] = class
  local outer, inner = class:match "^(.*)%.([%w_]+)$"
  if outer == "ogl" then return end
  add_class(classes, order, outer)
  table.insert(classes[outer], inner .. " " .. class)
end

local function annotations()
  local lines = {
    "---@meta opengatellm.types",
    "--- Types of the operations, for language servers. Made of the rows in operations/ by `make docs`; not loaded by anybody.", "",
  }
  local classes, order = {}, {}
  for _, operation in ipairs(registry.all()) do
    write_options(lines, operation)
    local class, name = holder(operation.name)
    add_class(classes, order, class)
    local result = result_type(operation) .. (SILENT[operation.method] and "|true" or "")
    table.insert(classes[class], ("%s fun(%s): %s?, ogl.Error? %s"):format(name, signature(operation), result, operation.doc))
    if operation.query and (operation.query.offset or operation.query.after) then
      local each = name == "list" and "each" or "each_" .. name
      local item = result:match "^(.-)%[%]"
      table.insert(classes[class], ("%s fun(%s): fun(): %s? All of them, page by page."):format(each, signature(operation), item))
    end
  end
  write_methods(lines, classes, order)
  return table.concat(lines, "\n")
end

-- Files -----------------------------------------------------------------------------------------------------------

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read "*a"
  if file then file:close() end
  return text
end

local stale = 0
for path, make in pairs { ["docs/operations.md"] = markdown, ["lua/opengatellm/types.lua"] = annotations } do
  local text = make()
  if arg[1] ~= "--check" then
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
  elseif read(path) ~= text then
    io.stderr:write(path, " is not what the rows say: make docs\n")
    stale = 1
  end
end
os.exit(stale)
