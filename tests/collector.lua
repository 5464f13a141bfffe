--- With OGL_GC=always the collector never rests: what is used after it should be dead shows at once.
if os.getenv "OGL_GC" == "always" then
  collectgarbage("setpause", 0)
  collectgarbage("setstepmul", 10000)
end
