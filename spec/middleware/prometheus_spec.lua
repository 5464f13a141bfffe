-- Metrics as a text that Prometheus reads.
local helper = require "spec.helper"
local metrics = require "opengatellm.operations.metrics"
local ogl = require "opengatellm"
local recorded = require "spec.support.recorded_streams"
local replay = require "opengatellm.transport.replay"

local SSE = { ["content-type"] = "text/event-stream" }
local BODY = 'data: {"model":"m-1","choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":"stop"}],'
  .. '"usage":{"prompt_tokens":12,"completion_tokens":34,"prompt_tokens_details":{"cached_tokens":5}}}\n\ndata: [DONE]\n\n'

local function client(answer)
  return ogl.client {
    provider = "openai_compatible", base_url = "http://server", model = "m", transport = replay.new(answer or { headers = SSE, body = BODY }),
    retries = { max = 0 }, host = helper.simulated_host(),
  }
end

-- The values of a text: "name{a=b}" -> value.
local function values(text)
  local found = {}
  for _, family in pairs(metrics.parse(text)) do
    for _, sample in ipairs(family.samples) do
      local labels = {}
      for name, value in pairs(sample.labels) do labels[#labels + 1] = name .. "=" .. value end
      table.sort(labels)
      found[sample.name .. "{" .. table.concat(labels, ",") .. "}"] = sample.value
    end
  end
  return found
end

local OWN = "model=m,operation=chat,provider=openai_compatible"

-- What an nginx dict does, as far as it is used.
local function dict()
  local data = {}
  return {
    incr = function(_, key, by, init) data[key] = (data[key] or init) + by return data[key] end,
    get = function(_, key) return data[key] end,
    get_keys = function() local keys = {} for key in pairs(data) do keys[#keys + 1] = key end return keys end,
  }
end

describe("the prometheus", function()
  for name, options in pairs { ["in memory"] = {}, ["in a shared dict"] = { shared = dict() } } do
    it("counts calls, seconds and tokens " .. name, function()
      local prometheus = ogl.middleware.prometheus(options)
      local c = client():use(prometheus)
      for _ = 1, 2 do assert(c:chat "hi") end
      local stream = assert(c:stream { messages = "hi", keep = false })
      c.host.sleep(0.5)
      while stream:next() do end -- luacheck: ignore
      assert.is_nil((client { status = 503 }:use(prometheus):chat "hi"))
      local found = values(prometheus:text())
      assert.equal(36, found["gen_ai_client_inference_usage_input_tokens_total{" .. OWN .. "}"])
      assert.equal(102, found["gen_ai_client_inference_usage_output_tokens_total{" .. OWN .. "}"])
      assert.equal(15, found["gen_ai_client_inference_usage_cache_read_input_tokens_total{" .. OWN .. "}"])
      assert.equal(3, found["gen_ai_client_inference_duration_seconds_count{" .. OWN .. "}"])
      assert.equal(0.5, found["gen_ai_client_inference_duration_seconds_sum{" .. OWN .. "}"])
      assert.equal(2, found["gen_ai_client_inference_duration_seconds_bucket{le=0.01," .. OWN .. "}"])
      assert.equal(3, found["gen_ai_client_inference_duration_seconds_bucket{le=0.64," .. OWN .. "}"])
      assert.equal(3, found["gen_ai_client_inference_duration_seconds_bucket{le=inf," .. OWN .. "}"]
        or found["gen_ai_client_inference_duration_seconds_bucket{le=+Inf," .. OWN .. "}"])
      assert.equal(1, found["gen_ai_client_inference_time_to_first_chunk_seconds_count{" .. OWN .. "}"])
      assert.equal(1, found["gen_ai_client_inference_duration_seconds_count{error=503," .. OWN .. "}"])
    end)
  end

  it("counts what calls cost", function()
    local prometheus = ogl.middleware.prometheus()
    assert(client():use(prometheus, ogl.middleware.cost { prices = { m = { input = 1e6, output = 0 } } }):chat "hi")
    assert.equal(12, values(prometheus:text())["opengatellm_cost_total{" .. OWN .. "}"])
  end)

  it("has a type and a help for each metric, and labels that no server's word breaks", function()
    local prometheus = ogl.middleware.prometheus { prefix = "my_" }
    assert(client():with({ model = 'x"\\y' }):use(prometheus):chat "hi")
    local text = prometheus:text()
    for name, family in pairs(metrics.parse(text)) do
      assert.truthy(family.type and family.help and family.help ~= "", name)
      assert.truthy(name:find "^my_gen_ai_", name)
      for _, sample in ipairs(family.samples) do assert.equal('x"\\y', sample.labels.model) end
    end
    assert.matches("\n$", text)
    assert.matches("version=0.0.4", prometheus.content_type)
  end)

  it("is what promtool reads", function()
    local found = os.execute "command -v promtool >/dev/null 2>&1" -- true from 5.2 on, 0 before
    if found ~= true and found ~= 0 then return pending "promtool is not installed (Debian: prometheus)" end
    local prometheus = ogl.middleware.prometheus()
    local c = client():use(prometheus, ogl.middleware.cost { prices = { m = { input = 1, output = 2 } } })
    assert(c:chat "hi")
    local stream = assert(c:stream "hi")
    repeat c.host.sleep(0.5) until not stream:next()
    assert(client():with({ model = 'x"\\y' }):use(prometheus):chat "hi")
    assert.is_nil((client { status = 503 }:use(prometheus):chat "hi"))
    local function check(text)
      local pipe = assert(io.popen("promtool check metrics < " .. helper.write(text) .. " 2>&1; echo status=$?"))
      local said = pipe:read "*a"
      pipe:close()
      return said
    end
    assert.equal("status=0\n", check(prometheus:text()))
    assert.is_nil(check "a{ 1\n":match "status=[03]") -- it does read what it is given
  end)

  it("keeps so many sets of labels, and puts other models together", function()
    local prometheus = ogl.middleware.prometheus { max_series = 3 }
    local c = client():use(prometheus)
    for i = 1, 20 do assert(c:chat { messages = "hi", model = "m" .. i }) end
    local models = {}
    for _, family in pairs(metrics.parse(prometheus:text())) do
      for _, sample in ipairs(family.samples) do models[sample.labels.model] = true end
    end
    assert.same({ m1 = true, m2 = true, m3 = true, other = true }, models)
  end)

  it("leaves every recorded reply as it is", function() recorded.check(ogl.middleware.prometheus()) end)

  it("raises what is wrong with its options at the caller's line", function()
    for problem, options in pairs {
      ["shared: expected string or table, got number"] = { shared = 7 }, ["shared: there is no lua_shared_dict 'x'"] = { shared = "x" },
      ["shared: expected a lua_shared_dict"] = { shared = {} }, ["max_series: expected a number from 1 on, got 0"] = { max_series = 0 },
      ["prefix: expected letters, digits and _"] = { prefix = "a-b" }, ["port: there is no such field"] = { port = 1 },
    } do
      local _, where = pcall(function()
        local prometheus = ogl.middleware.prometheus(options)
        return prometheus
      end)
      assert.matches("prometheus_spec.lua:%d+: ogl.middleware.prometheus: " .. problem, where)
    end
  end)
end)
