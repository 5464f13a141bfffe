-- Calibration over real processes: nothing comes early, everything ends.
local calibration = require "opengatellm.bench.calibration"
local helper = require "spec.helper"
local ogl = require "opengatellm"
local system = require "opengatellm.system"

local function measure() return ogl.run(function() return calibration.measure(require "opengatellm.curl".now) end) end

describe("calibration", function()
  it("says what the bench adds to a server whose times are known", function()
    local overhead = measure()
    assert.is_true(overhead.calibrated, overhead.problem)
    for _, name in ipairs { "ttft", "e2e" } do
      local summary = overhead[name]
      assert.equal(20, summary.n)
      assert.is_true(summary.min > 0 and summary.min <= summary.p50 and summary.p50 <= summary.p99)
    end
    assert.is_true(overhead.cpu_us_per_request + overhead.cpu_us_per_event > 0)
  end)

  it("leaves no process and no descriptor behind", function()
    measure()
    local before = helper.open_descriptors()
    measure()
    assert.equal(before, helper.open_descriptors())
  end)

  it("says why where no server can be started", function()
    local real = system.responder
    system.responder = function() return nil, "Operation not permitted", 1 end
    local overhead = measure()
    system.responder = real
    assert.same({ calibrated = false, problem = "Operation not permitted" }, overhead)
  end)
end)
