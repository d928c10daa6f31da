# planted_pgweir(NAME folder/source.cc FIND REPLACE): pgweir-NAME is pgweir with one of its sources changed. The
# linker takes the changed object, and so needs the one in the library no more. Built only when asked for, by the
# target planted-pgweirs.
add_custom_target(planted-pgweirs)
function(planted_pgweir name source find replace)
  set(planted ${CMAKE_CURRENT_BINARY_DIR}/${name}.cc)
  add_custom_command(OUTPUT ${planted}
    COMMAND ${CMAKE_COMMAND} -DINPUT=${CMAKE_SOURCE_DIR}/src/${source} -DOUTPUT=${planted} -DFIND=${find}
      -DREPLACE=${replace} -P ${CMAKE_SOURCE_DIR}/cmake/plant.cmake
    DEPENDS ${CMAKE_SOURCE_DIR}/src/${source} ${CMAKE_SOURCE_DIR}/cmake/plant.cmake
    VERBATIM)
  get_target_property(libraries pgweir LINK_LIBRARIES)
  add_executable(pgweir-${name} EXCLUDE_FROM_ALL $<TARGET_OBJECTS:pgweir> ${planted})
  target_link_libraries(pgweir-${name} PRIVATE ${libraries})
  add_dependencies(planted-pgweirs pgweir-${name})
endfunction()
