--- An output of busted: what failed, what was skipped and why, and the line "N passed, N failed, N skipped". With OGL_TIMES, the name of a
--- file, it adds to that file a line "SECONDS LUA PATH" for each spec file.
return function(options)
  local busted = require "busted"
  local handler = require "busted.outputHandlers.base"()
  local times = os.getenv "OGL_TIMES"

  local function say(...) io.stdout:write(table.concat({ ... }), "\n") end

  local function describe(row)
    say("FAILED: ", handler.getFullName(row))
    local message = row.message
    if type(message) == "table" then message = row.trace and row.trace.message or tostring(message) end
    say("  ", (tostring(message or "no message"):gsub("\n", "\n  ")))
    if options.verbose and row.trace and row.trace.traceback then say("  ", (row.trace.traceback:gsub("\n", "\n  "))) end
  end

  local function note_time(file)
    local list = assert(io.open(times, "a"))
    list:write(("%7.1f %s %s\n"):format(file.duration, os.getenv "OGL_LUA" or _VERSION, file.name))
    list:close()
    return nil, true
  end

  handler.suiteEnd = function()
    for _, row in ipairs(handler.failures) do describe(row) end
    for _, row in ipairs(handler.errors) do describe(row) end
    for _, row in ipairs(handler.pendings) do
      local reason = type(row.message) == "string" and row.message or "pending"
      say("skipped: ", handler.getFullName(row), ": ", reason)
    end
    local failed = #handler.failures + #handler.errors
    say(string.format("%d passed, %d failed, %d skipped", handler.successesCount, failed, handler.pendingsCount))
    io.stdout:flush()
    return nil, true
  end

  busted.subscribe({ "suite", "end" }, handler.suiteEnd)
  if times then busted.subscribe({ "file", "end" }, note_time) end
  return handler
end
