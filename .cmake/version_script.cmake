execute_process(COMMAND git --no-optional-locks -C ${ROOT} describe --always --dirty --exclude=* OUTPUT_VARIABLE commit ERROR_QUIET
                OUTPUT_STRIP_TRAILING_WHITESPACE)
if(NOT commit)
  set(commit unknown)
endif()
string(CONCAT text "#include \"core/version.h\"\n\nnamespace dermis {\n\nconst char* version() { return \"${VERSION}\"; }\n"
         "const char* commit() { return \"${commit}\"; }\n\n}  // namespace dermis\n")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} before)
endif()
if(NOT before STREQUAL text)
  file(WRITE ${OUTPUT} "${text}")
endif()
