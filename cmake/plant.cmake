# cmake -DINPUT=file.cc -DOUTPUT=copy.cc -DFIND=text -DREPLACE=text -P plant.cmake
# A copy of a source with a fault in it, for tests that must find the fault: the source itself holds no way
# to switch it on. The text must occur exactly once, so that a change of the source is noticed here.
file(READ ${INPUT} source)
string(FIND "${source}" "${FIND}" first)
string(FIND "${source}" "${FIND}" last REVERSE)
if(first EQUAL -1 OR NOT first EQUAL last)
  message(FATAL_ERROR "${INPUT} has changed: the planted fault needs exactly one place that reads '${FIND}'; "
    "see who calls planted_pgweir")
endif()
string(REPLACE "${FIND}" "${REPLACE}" source "${source}")
file(WRITE ${OUTPUT} "${source}")
