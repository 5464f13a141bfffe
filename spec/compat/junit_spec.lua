-- JUnit's XML: counts, times in seconds, and any text at all as an attribute.
local helper = require "spec.helper"
local junit = require "opengatellm.compat.junit"

local function result(case, verdict, detail) return { case = case, verdict = verdict, ms = 1500, detail = detail } end

local function report_of(...)
  local results, counts = { ... }, { pass = 0, fail = 0, skip = 0 }
  for _, one in ipairs(results) do counts[one.verdict] = counts[one.verdict] + 1 end
  return { providers = { { name = 'a "b" <c>', results = results } }, counts = counts, seconds = 4.5 }
end

describe("JUnit's XML", function()
  it("has a suite for each provider, and a failure or a skip where one is", function()
    assert.equal(table.concat({
      '<?xml version="1.0" encoding="UTF-8"?>', '<testsuites name="ogl compat" tests="3" failures="1" errors="0" skipped="1" time="4.500">',
      '  <testsuite name="a &quot;b&quot; &lt;c&gt;" tests="3" failures="1" errors="0" skipped="1" time="4.500">',
      '    <testcase classname="a &quot;b&quot; &lt;c&gt;" name="text" time="1.500"/>',
      '    <testcase classname="a &quot;b&quot; &lt;c&gt;" name="stop" time="1.500"><failure message="&amp; &lt;&gt; &quot;é&quot;"/></testcase>',
      '    <testcase classname="a &quot;b&quot; &lt;c&gt;" name="key" time="1.500"><skipped message="none"/></testcase>', "  </testsuite>", "</testsuites>", "",
    }, "\n"), junit.xml(report_of(result("text", "pass", "x"), result("stop", "fail", '& <> "é"'), result("key", "skip", "none"))))
  end)

  it("is well formed, whatever a server says", function()
    local bytes = {}
    for i = 0, 255 do bytes[i + 1] = string.char(i) end
    local text = junit.xml(report_of(result("text", "fail", table.concat(bytes) .. "\239\191\190\239\191\191]]>\237\160\128")))
    local path = helper.write(text)
    local pipe = assert(io.popen(("python3 -c 'import sys, xml.dom.minidom as d; print(d.parse(sys.argv[1]).documentElement.tagName)' %s 2>&1"):format(path)))
    assert.equal("testsuites\n", pipe:read "*a")
    pipe:close()
  end)
end)
