# thaw_embed(OUT_VARIABLE FILE NAME): turns a text file of this room into a source that defines `const char* const NAME`.
# The same file, run as a script, does the turning at build time, so that an edited text is embedded anew.
if(CMAKE_SCRIPT_MODE_FILE)
  file(READ "${INPUT}" text)
  file(WRITE "${OUTPUT}"
       "#include \"results/embedded.hpp\"\n"
       "namespace thaw {\nconst char* const ${NAME} = R\"embedded(${text})embedded\";\n}\n")
  return()
endif()

function(thaw_embed out_variable file name)
  set(input "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
  set(output "${CMAKE_CURRENT_BINARY_DIR}/${file}.cpp")
  set(script "${CMAKE_CURRENT_SOURCE_DIR}/embed_text.cmake")
  add_custom_command(
    OUTPUT "${output}"
    COMMAND "${CMAKE_COMMAND}" "-DINPUT=${input}" "-DOUTPUT=${output}" "-DNAME=${name}" -P "${script}"
    DEPENDS "${input}" "${script}"
    VERBATIM)
  set(${out_variable} ${${out_variable}} "${output}" PARENT_SCOPE)
endfunction()
