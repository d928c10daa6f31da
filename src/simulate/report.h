// What was simulated, for people and for programs.
#pragma once

#include <span>
#include <string>

#include "simulate/limit.h"
#include "simulate/replay.h"

namespace pgweir::simulate {

// A table, and a line for each limit that is missed.
std::string report_text(std::span<const Point> points, std::span<const Limit> limits);
// A list of points: policy, capacity, requests, hit_ratio, ...; with limits: those missed.
std::string report_json(std::span<const Point> points, std::span<const Limit> limits);
// A test case for each point and limit, as JUnit's readers know it.
std::string report_junit(std::span<const Point> points, std::span<const Limit> limits);

}  // namespace pgweir::simulate
