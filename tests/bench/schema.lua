--- Validating 1 MB of records, each checked against a schema of 20 fields, in units of what lua-cjson needs to decode them. Same records,
--- in turn, median of 9.
--
-- usage: lua schema.lua      prints: milliseconds ours, lua-cjson's; the ratio
local cjson = require "cjson"
local json = require "opengatellm.json"
local median = require "bench.chunks".median
local validator = require "opengatellm.schema.validator"
local words = require "opengatellm.base.words"

local SIZE = 2 ^ 20 -- bytes

-- Four texts, three integers, two numbers, two booleans, two lists, an object, a text or null, one of a few words, and what else a row of
-- a database has: with the inner ones, 20 fields.
local TEXT, SHORT = { type = "string" }, { type = "string", minLength = 1, maxLength = 40 }
local SCHEMA = {
  type = "object", additionalProperties = false,
  required = words.list "id name town street zip age visits score price active member tags sizes status contact",
  properties = {
    id = { type = "integer", minimum = 1 }, name = SHORT, town = SHORT, street = TEXT, zip = TEXT,
    age = { type = "integer", minimum = 0, maximum = 150 }, visits = { type = "integer" }, score = { type = "number" },
    price = { type = "number", exclusiveMinimum = 0 }, active = { type = "boolean" }, member = { type = "boolean" },
    tags = { type = "array", items = TEXT, maxItems = 10 }, sizes = { type = "array", items = { type = "number" } },
    status = { enum = { "new", "open", "closed" } }, note = { type = { "string", "null" } },
    contact = {
      type = "object", required = { "email" }, additionalProperties = false,
      properties = { email = SHORT, phone = TEXT, language = { enum = { "de", "en", "fr" } }, newsletter = { type = "boolean" } },
    },
  },
}

local function record(i)
  return {
    id = i, name = "Camille Durand " .. i, town = "Lyon", street = i .. " rue de la République", zip = ("%05d"):format(69000 + i % 999),
    age = 18 + i % 70, visits = i * 7 % 1000, score = i % 100 / 8, price = 1.5 + i % 33, active = i % 2 == 0, member = i % 3 == 0,
    tags = { "eau", "feu", "terre" }, sizes = { 1.5, 2, i % 9 }, status = SCHEMA.properties.status.enum[i % 3 + 1],
    note = i % 2 == 0 and "à rappeler" or cjson.null,
    contact = { email = ("c%d@example.org"):format(i), phone = "+33 4 72 00 00 00", language = "fr", newsletter = i % 5 == 0 },
  }
end

local texts, size = {}, 0
while size < SIZE do
  texts[#texts + 1] = json.encode(record(#texts + 1))
  size = size + #texts[#texts] + 1
end
local text = "[" .. table.concat(texts, ",") .. "]"
local records = json.decode(text)

local function ours()
  for i = 1, #records do assert(validator.validate(SCHEMA, records[i])) end
end

local function theirs() assert(#cjson.decode(text) == #records) end

local function milliseconds(run)
  collectgarbage()
  collectgarbage()
  local start = os.clock()
  run()
  return (os.clock() - start) * 1000
end

local mine, other = {}, {}
ours()
for i = 1, 9 do mine[i], other[i] = milliseconds(ours), milliseconds(theirs) end
local x, y = median(mine), median(other)
print(string.format("%.2f %.2f %.2f", x, y, x / y))
