#include "catalogue.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <array>
#include <iterator>
#include <string_view>

namespace shop {

namespace {

using std::string_view;

enum Table : std::uint64_t { kCategory, kProduct, kPrice, kCustomer, kOrder, kOrderLine, kReview, kStock };

constexpr std::array<string_view, 32> kAdjectives{
    "Amber", "Bold",    "Bright", "Calm",   "Classic", "Compact", "Copper", "Crimson",
    "Deep",  "Elegant", "Fine",   "Gentle", "Golden",  "Grand",   "Handy",  "Humble",
    "Ivory", "Keen",    "Light",  "Lucid",  "Modern",  "Noble",   "Pale",   "Plain",
    "Quiet", "Rustic",  "Silver", "Smooth", "Solid",   "Swift",   "Tall",   "Urban"};
constexpr std::array<string_view, 20> kMaterials{
    "Acacia", "Bamboo", "Birch", "Brass",  "Canvas", "Cedar",  "Clay",   "Cotton", "Felt",   "Glass",
    "Jute",   "Linen",  "Maple", "Marble", "Oak",    "Pewter", "Rattan", "Slate",  "Walnut", "Wool"};
constexpr std::array<string_view, 25> kKinds{
    "Lamp",   "Chair", "Table",   "Rack",  "Mug",    "Bowl",    "Plate", "Kettle", "Rug",
    "Pillow", "Vase",  "Mirror",  "Clock", "Basket", "Cabinet", "Stool", "Tray",   "Candle",
    "Jar",    "Board", "Blanket", "Frame", "Desk",   "Hook",    "Bottle"};
constexpr std::array<string_view, 20> kPlaces{"Kitchen",  "Garden",  "Office",  "Bedroom", "Bathroom",
                                              "Hallway",  "Studio",  "Terrace", "Attic",   "Nursery",
                                              "Workshop", "Library", "Pantry",  "Porch",   "Cabin",
                                              "Cellar",   "Balcony", "Lounge",  "Laundry", "Garage"};
constexpr std::array<string_view, 24> kFirstNames{
    "Ada",  "Bruno", "Clara", "David", "Elena", "Felix", "Greta", "Hugo", "Ines", "Jonas",  "Karin", "Luis",
    "Mara", "Nils",  "Olga",  "Pablo", "Rosa",  "Simon", "Tessa", "Ugo",  "Vera", "Willem", "Yara",  "Zeno"};
constexpr std::array<string_view, 20> kLastNames{
    "Adler",  "Berger",  "Castro", "Dupont", "Eriksen", "Fischer", "Garcia", "Hansen", "Ivanova", "Jansen",
    "Keller", "Lehmann", "Moreau", "Novak",  "Olsen",   "Peters",  "Ricci",  "Silva",  "Torres",  "Weber"};
constexpr std::array<string_view, 16> kCities{
    "Amsterdam", "Barcelona", "Berlin", "Bologna", "Copenhagen", "Dublin", "Ghent", "Graz",
    "Krakow",    "Leipzig",   "Lisbon", "Lyon",    "Malmo",      "Porto",  "Turin", "Vienna"};
constexpr std::array<string_view, 12> kOpinions{"Exactly as described.",
                                                "Sturdier than it looks.",
                                                "The colour is warmer than in the picture.",
                                                "Arrived a day early.",
                                                "I would buy it again.",
                                                "Too small for what I had in mind.",
                                                "My neighbours asked about it.",
                                                "One corner was scratched.",
                                                "Good value for the price.",
                                                "The instructions were no help.",
                                                "A present that was well liked.",
                                                "Still like new after a year."};

constexpr std::uint32_t kOrdersPerHour = 11;
constexpr std::uint64_t kFirstOrderUnix = 1'672'531'200;  // 2023-01-01

template <std::size_t N>
string_view pick(const std::array<string_view, N>& words, RowRandom& random) {
  return words[random.below(N)];
}

}  // namespace

RowRandom::RowRandom(std::uint64_t seed, std::uint64_t table, std::uint64_t row)
    : state_(seed * 0x9e3779b97f4a7c15 + (table << 40) + row) {
  next();
}

std::uint64_t RowRandom::next() {
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::uint32_t RowRandom::below(std::uint32_t end) {
  return static_cast<std::uint32_t>(((next() >> 32) * end) >> 32);
}

std::uint32_t RowRandom::skewed_below(std::uint32_t end) {
  const double u = static_cast<double>(next() >> 11) * 0x1p-53;
  return static_cast<std::uint32_t>(u * u * end);
}

std::uint32_t Catalogue::category_of(std::uint32_t product_id) const {
  return RowRandom(seed_, kProduct, product_id).below(sizes_.categories) + 1;
}

std::uint32_t Catalogue::price_cents_of(std::uint32_t product_id) const {
  return 199 + 100 * RowRandom(seed_, kPrice, product_id).skewed_below(500);
}

std::uint32_t Catalogue::popular_product(RowRandom& random) const {
  const std::uint64_t rank = random.skewed_below(sizes_.products);
  return static_cast<std::uint32_t>(rank * 7919 % sizes_.products) + 1;
}

void Catalogue::append_category(std::string& out, std::uint32_t id) const {
  const std::uint32_t kind = (id - 1) % kKinds.size(), place = (id - 1) / kKinds.size();
  fmt::format_to(std::back_inserter(out), FMT_COMPILE("{}\t{} {}s"), id, kPlaces[place % kPlaces.size()],
                 kKinds[kind]);
  if (place >= kPlaces.size()) fmt::format_to(std::back_inserter(out), " {}", place / kPlaces.size() + 1);
  out += '\n';
}

void Catalogue::append_product(std::string& out, std::uint32_t id) const {
  RowRandom random(seed_, kProduct, id);
  const std::uint32_t category = category_of(id);
  random.next();  // the category's
  const string_view adjective = pick(kAdjectives, random), material = pick(kMaterials, random);
  const string_view kind = kKinds[(category - 1) % kKinds.size()];
  const string_view place = kPlaces[(category - 1) / kKinds.size() % kPlaces.size()];
  fmt::format_to(std::back_inserter(out),
                 FMT_COMPILE("{}\t{}\t{} {} {} {}\tA {} in {}, made for the {}. {} cm, {} g.\t{}\n"), id,
                 category, adjective, material, kind, id, kind, material, place, 5 + random.below(195),
                 50 + random.below(9000), price_cents_of(id));
}

void Catalogue::append_customer(std::string& out, std::uint32_t id) const {
  RowRandom random(seed_, kCustomer, id);
  const string_view first = pick(kFirstNames, random), last = pick(kLastNames, random);
  fmt::format_to(std::back_inserter(out), FMT_COMPILE("{}\t{} {}\t{}.{}.{}@example.com\t{}\n"), id, first,
                 last, first, last, id, pick(kCities, random));
}

void Catalogue::append_order(std::string& out, std::uint32_t id) const {
  RowRandom random(seed_, kOrder, id);
  const std::uint64_t unix_seconds = kFirstOrderUnix + std::uint64_t{id} * 3600 / kOrdersPerHour;
  const std::uint64_t days = unix_seconds / 86'400 - kFirstOrderUnix / 86'400, second = unix_seconds % 86'400;
  // A date plus days is spelt as the day of the year, which PostgreSQL reads as well: 2023.117.
  fmt::format_to(std::back_inserter(out), FMT_COMPILE("{}\t{}\t{}.{:03} {:02}:{:02}:{:02}+00\n"), id,
                 random.skewed_below(sizes_.customers) + 1, 2023 + days / 365, days % 365 + 1, second / 3600,
                 second / 60 % 60, second % 60);
}

void Catalogue::append_order_lines(std::string& out, std::uint32_t order_id) const {
  RowRandom random(seed_, kOrderLine, order_id);
  const std::uint32_t lines = 1 + random.below(4);
  for (std::uint32_t line = 1; line <= lines; ++line) {
    const std::uint32_t product = popular_product(random);
    fmt::format_to(std::back_inserter(out), FMT_COMPILE("{}\t{}\t{}\t{}\t{}\n"), order_id, line, product,
                   1 + random.skewed_below(5), price_cents_of(product));
  }
}

void Catalogue::append_review(std::string& out, std::uint32_t id) const {
  RowRandom random(seed_, kReview, id);
  const std::uint32_t product = popular_product(random), customer = random.below(sizes_.customers) + 1;
  const std::uint32_t stars = 5 - random.skewed_below(5);
  const string_view first = pick(kOpinions, random), second = pick(kOpinions, random);
  fmt::format_to(std::back_inserter(out), FMT_COMPILE("{}\t{}\t{}\t{}\t{} {}\n"), id, product, customer,
                 stars, first, second);
}

void Catalogue::append_stock(std::string& out, std::uint32_t product_id) const {
  RowRandom random(seed_, kStock, product_id);
  fmt::format_to(std::back_inserter(out), FMT_COMPILE("{}\t{}\n"), product_id, 20'000 + random.below(80'000));
}

}  // namespace shop
