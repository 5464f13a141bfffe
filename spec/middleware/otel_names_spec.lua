-- The names of the conventions: as the reference has them.
local helper = require "spec.helper"
local names = require "opengatellm.middleware.otel_names"

-- All names of a version.
local function all_of(version)
  local list = {}
  for _, name in pairs(version.attributes) do list[name] = true end
  for _, instrument in pairs(version.instruments) do list[instrument.name] = true end
  return list
end

-- A text with the alternatives spelled out: "`a.{b,c}_d`" is "`a.b_d` `a.c_d`", and "`a.b|c`" is "`a.b` `a.c`".
local function spelled(text)
  text = text:gsub("`([%w_.]*){([^}]*)}([%w_.]*)`", function(front, list, behind)
    local out = {}
    for word in list:gmatch "[^,%s]+" do out[#out + 1] = "`" .. front .. word:gsub("%(.*", "") .. behind .. "`" end
    return table.concat(out, " ")
  end)
  return (text:gsub("`([%w_.]*%.)([%w_]+)|([%w_]+)`", "`%1%2` `%1%3`"))
end

describe("the names of October 2026", function()
  it("are in the reference's table of them", function()
    local path = helper.shared "reference/conversations.md"
    if not path then return pending "the reference material is not here (OGL_SHARED)" end
    local part = helper.read(path):match "\n## 3%..-\n## 4" or ""
    local text, previous = spelled(part), nil
    -- "`gen_ai.usage.input_tokens` (…), `.output_tokens`": a name that goes on with the first part of the one before
    local known = {}
    for name in text:gmatch "`([%w_.]+)`" do
      if name:find "^%." and previous then
        local front = previous
        while front do
          known[front .. name] = true
          front = front:match "^(.*)%.[%w_]+$"
        end
      else
        known[name], previous = true, name
      end
    end
    local missing = {}
    for name in pairs(all_of(names.VERSIONS["2026-10"])) do
      if not known[name] then missing[#missing + 1] = name end
    end
    table.sort(missing)
    assert.same({ "gen_ai.agent.name", "gen_ai.client.operation.duration" }, missing)
  end)

  it("have none that is gone, and the older version none that came later", function()
    local now, before = all_of(names.VERSIONS["2026-10"]), all_of(names.VERSIONS["1.41"])
    for _, gone in ipairs { "gen_ai.client.token.usage", "gen_ai.token.type", "gen_ai.usage.cache_creation.input_tokens", "gen_ai.system" } do
      assert.is_nil(now[gone])
    end
    for name in pairs(before) do assert.is_nil(name:find "inference", name) end
    assert.is_true(before["gen_ai.client.token.usage"])
    assert.is_nil(before["gen_ai.token.modality"])
  end)

  it("have the providers' names of the conventions", function()
    local providers = require "opengatellm.providers"
    for name in pairs(names.PROVIDERS) do assert.truthy(providers.find(name), name) end
  end)
end)
