--- With OGL_GC=always the collector never rests: what is used after it should be dead shows at once. A cycle follows a cycle; on
--- 5.2 and 5.3 a larger step would be a whole cycle an allocation, and no spec would end.
if os.getenv "OGL_GC" == "always" then
  collectgarbage("setpause", 0)
  collectgarbage("setstepmul", (_VERSION == "Lua 5.2" or _VERSION == "Lua 5.3") and 100 or 10000)
end
