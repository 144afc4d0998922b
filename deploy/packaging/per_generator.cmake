# Read by cpack for each generator: the components of which build make its package. The content of the rpm is chosen
# here and nowhere else.
if(CPACK_GENERATOR STREQUAL "RPM")
  set(components Unspecified site rpm)
  # No package has its debug information: debugedit finds no folder of the build in it (-ffile-prefix-map).
  set(CPACK_STRIP_FILES ON)
else()
  set(components Unspecified debian)
endif()
set(CPACK_INSTALL_CMAKE_PROJECTS)
foreach(component IN LISTS components)
  list(APPEND CPACK_INSTALL_CMAKE_PROJECTS "${CPACK_FORKMON_BUILD};forkmon;${component};/")
endforeach()
