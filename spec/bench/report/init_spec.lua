local helper = require "spec.helper"
local json = require "opengatellm.json"
local made = require "spec.support.bench_result"
local report = require "opengatellm.bench.report"
local system = require "opengatellm.system"

local FORMS = { "table", "json", "csv", "html" }

describe("the JSON of a result", function()
  it("is read as what was written, empty lists and all", function()
    local result = made.two()
    local again = assert(report.read(report.json(result)))
    assert.equal(report.json(result), report.json(again))
    assert.equal(report.csv(result), report.csv(again))
    assert.equal(report.html(result), report.html(again))
    assert.equal(report.table(result), report.table(again))
  end)

  it("may have more than is known, and null for what is not there", function()
    local text = report.json(made.two()):gsub('^{', '{"later": [1], "title": null, ')
    local result = assert(report.read(text))
    assert.is_nil(result.title)
  end)

  it("is refused in one line where it is something else", function()
    local good = made.two()
    local function with(change)
      local copy = json.decode(json.encode(good))
      change(copy)
      return json.encode(copy)
    end
    for text, message in pairs {
      [""] = "no JSON", ["{"] = "no JSON", ["[]"] = "no result of ogl bench", ["{}"] = "no result of ogl bench", ["7"] = "no result of ogl bench",
      ['{"format": "other"}'] = "no result of ogl bench",
      [with(function(r) r.version = 2 end)] = "version: expected 1, got 2",
      [with(function(r) r.providers = 5 end)] = "providers",
      [with(function(r) r.providers[1].runs[1].figures.ttft.p50 = "fast" end)] = "ttft.p50: expected a number",
      [with(function(r) r.providers[2].runs[1].samples[1].status = "lost" end)] = "providers[2].runs[1].samples[1].status",
      [with(function(r) r.providers[1].runs[1].counts.error = -1 end)] = "counts.error",
      [with(function(r) r.formulas = nil end)] = "formulas",
    } do
      local result, problem = report.read(text)
      assert.is_nil(result)
      assert.truthy(problem:find(message, 1, true), problem)
      assert.is_nil(problem:find("\n", 1, true))
    end
  end)

  it("however it is spoilt, is refused or makes every report #slow", function()
    local run = made.closed({ ttft = 10, itl = 1, failing = 0.5 }, 1, 2)
    run.figures = { ttft = run.figures.ttft or run.figures.e2e }
    local text = report.json(made.result { { name = "one", runs = { run } } })
    local accepted, refused, places = 0, 0, {}
    for name, at in text:gmatch '"([%w_]+)":()' do places[name] = at end -- the last of each name
    for _, value in ipairs { "null", "-1", "1e300", "[]", '"\\u0000<b>"' } do
      for _, at in pairs(places) do
        local rest = text:sub(at):gsub("^[%d.eE+-]+", value, 1):gsub('^"[^"]*"', function() return value end, 1)
        local result = report.read(text:sub(1, at - 1) .. rest)
        if result then
          accepted = accepted + 1
          for _, form in ipairs(FORMS) do assert.equal("string", type(report[form](result))) end
        else
          refused = refused + 1
        end
      end
    end
    assert.is_true(accepted > 50 and refused > 50, accepted .. " accepted, " .. refused .. " refused")
  end)
end)

-- A result with a text in every place that takes one.
local function everywhere(text)
  local run = made.closed({ ttft = 10, itl = 1, failing = 0.5 }, 2, 6)
  run.label, run.arrival = "label " .. text, text
  run.errors = { { kind = "kind " .. text, code = text, count = 3, samples = { "The server says: " .. text .. ".", text } } }
  for _, sample in ipairs(run.samples) do sample.kind = text end
  run.tokens.source = text
  local result = made.result({ { name = "name " .. text, provider = text, model = text, address = "https://host/?x=" .. text, runs = { run } } }, {
    title = text, ogl = text, started = text, machine = { system = text, lua = text, libcurl = text },
    options = { prompt = text, headers = { Authorization = text }, api_key = text, nested = { { text } }, ["name " .. text] = 1 },
  })
  result.formulas = { { name = "e2e", title = text, unit = text, formula = text } }
  return result
end

describe("a key", function()
  local environment

  before_each(function() environment = system.environment end)
  after_each(function() system.environment = environment end)

  local function is_shown(secret, text)
    for _, form in ipairs(FORMS) do
      local written = report[form](everywhere(text or secret))
      if helper.mentions(written, secret) then return form end
    end
  end

  it("of the environment is in no report, wherever it was", function()
    system.environment = function() return { ALBERT_API_KEY = "zq-77%w+(.-)Ünfind", MY_TOKEN = "plainword", MAX_TOKENS = "4096", SECRET = "x" } end
    assert.is_nil(is_shown("zq-77%w+(.-)Ünfind"))
    assert.is_nil(is_shown "plainword")
    assert.is_nil(is_shown("plainword", "a plainword in plainword s"))
    assert.equal("table", is_shown "4096") -- no key: the test would see one
  end)

  it("of a known form is in no report, wherever it was", function()
    system.environment = function() return {} end
    for secret, text in pairs {
      ["sk-proj-Ab12_9"] = "Incorrect API key provided: sk-proj-Ab12_9.", ["AIzaSyD4"] = "key AIzaSyD4 is wrong", ["gsk_abc123"] = "(gsk_abc123)", ["hf_QwErTy"] = "hf_QwErTy",
      ["abc.def+/="] = "Authorization: Bearer abc.def+/=", ["dXNlcjpwYXNz"] = "authorization: basic dXNlcjpwYXNz==", ["user:hunter2"] = "https://user:hunter2@host/v1",
      ["s3cr3t"] = "https://host/v1?api-key=s3cr3t&x=1", ["v4lue"] = '{"api_key": "v4lue"}', ["eyJhbGciOi.eyJzdWIi.sig_na-ture"] = "token eyJhbGciOi.eyJzdWIi.sig_na-ture",
      ["ghp_16C7e42F"] = "ghp_16C7e42F", ["AKIAIOSFODNN7"] = "AKIAIOSFODNN7", ["nvapi-q_w-e"] = "nvapi-q_w-e", ["xai-77aa"] = "xai-77aa",
    } do
      assert.is_nil(is_shown(secret, text), text)
    end
  end)

  it("that was hidden leaves the words around it", function()
    system.environment = function() return { OGL_TOKEN = "topsecret" } end
    local text = report.table(everywhere "the key topsecret is not known")
    assert.truthy(text:find("The server says: the key [hidden] is not known.", 1, true))
  end)

  it("is not seen in words that only look a little like one", function()
    system.environment = function() return {} end
    for _, text in ipairs { "risk-free", "gpt-oss-120b", "a key: expected a text", "monkey=7", "basics", "max_tokens=5" } do
      assert.equal("table", is_shown(text), text)
    end
  end)
end)
