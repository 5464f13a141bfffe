-- The records that a document holds, each printed as soon as the model has written it whole.
-- usage: OGL_URL=… OGL_TOKEN=… lua extract.lua [document.txt]
local ogl = require "opengatellm"
local s = ogl.schema

local client = ogl.client { model = os.getenv "OGL_MODEL" or "mistral-small" }

local DOCUMENT = [[
Le Louvre ouvre au public le 10 août 1793. La pyramide de Pei, commandée en 1983 par François Mitterrand, est inaugurée le 30 mars 1989.
En décembre 2012 le musée s'installe aussi à Lens.]]

local event = s.object {
  { "year", s.integer() },
  { "what", s.string "in a few words" },
  { "people", s.optional(s.array(s.string())) },
}

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

local stream, err = client:stream {
  system = "List the events that the document tells, in its order, and no others.",
  messages = arg[1] and read(arg[1]) or DOCUMENT,
  output = s.array(event), max_tokens = 4000, temperature = 0,
}
if not stream then
  print(err)
  os.exit(1)
end

local count = 0
local fine, problem = pcall(function()
  for found, place in stream:elements() do
    print(place, found.year, found.what, table.concat(found.people or {}, ", "))
    count = count + 1
  end
end)
if not fine then
  print(count .. " events, then: " .. tostring(problem)) -- those that were printed are whole and fit
  os.exit(1)
end
print(count .. " events")
