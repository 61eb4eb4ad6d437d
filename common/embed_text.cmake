# thaw_embed(OUT_VARIABLE FILE NAME): turns a text file (of this room, or by its whole path) into a source that defines `const char* const NAME`,
# which embedded.hpp of this room declares.
# The same file, run as a script, does the turning at build time, so that an edited text is embedded anew.
if(CMAKE_SCRIPT_MODE_FILE)
  file(READ "${INPUT}" text)
  file(WRITE "${OUTPUT}"
       "#include \"${HEADER}\"\n"
       "namespace thaw {\nconst char* const ${NAME} = R\"embedded(${text})embedded\";\n}\n")
  return()
endif()

function(thaw_embed out_variable file name)
  cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" OUTPUT_VARIABLE input)
  cmake_path(GET input FILENAME output)
  set(output "${CMAKE_CURRENT_BINARY_DIR}/${output}.cpp")
  set(script "${PROJECT_SOURCE_DIR}/common/embed_text.cmake")
  cmake_path(RELATIVE_PATH CMAKE_CURRENT_SOURCE_DIR BASE_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE room)
  add_custom_command(
    OUTPUT "${output}"
    COMMAND "${CMAKE_COMMAND}" "-DINPUT=${input}" "-DOUTPUT=${output}" "-DNAME=${name}" "-DHEADER=${room}/embedded.hpp" -P "${script}"
    DEPENDS "${input}" "${script}"
    VERBATIM)
  set(${out_variable} ${${out_variable}} "${output}" PARENT_SCOPE)
endfunction()
