#include "statements.h"

namespace shop {

const std::array<Statement, 13> kStatements{{
    {"product",
     "SELECT p.id, p.name, p.description, p.price_cents, c.id AS category_id, c.name AS category "
     "FROM products p JOIN categories c ON c.id = p.category_id WHERE p.id = $1::integer"},

    {"categories",
     "SELECT c.id, c.name, count(*) AS products "
     "FROM categories c JOIN products p ON p.category_id = c.id GROUP BY c.id ORDER BY c.name, c.id"},

    {"category_products",
     "SELECT id, name, price_cents FROM products WHERE category_id = $1::integer "
     "ORDER BY name, id LIMIT 20 OFFSET 20 * $2::integer"},

    {"product_reviews",
     "SELECT r.id, r.stars, r.body, c.name AS customer FROM reviews r JOIN customers c ON c.id = "
     "r.customer_id "
     "WHERE r.product_id = $1::integer ORDER BY r.id DESC LIMIT 10"},

    {"product_stock", "SELECT product_id, quantity FROM stock WHERE product_id = $1::integer"},

    {"search",
     "SELECT id, name, price_cents FROM products WHERE lower(name) LIKE $1::text || '%' "
     "ORDER BY lower(name), id LIMIT 20"},

    {"bestsellers",
     "SELECT p.id, p.name, p.price_cents, sum(l.quantity) AS sold "
     "FROM products p JOIN order_lines l ON l.product_id = p.id WHERE p.category_id = $1::integer "
     "GROUP BY p.id ORDER BY sold DESC, p.id LIMIT 10"},

    {"customer_orders",
     "SELECT o.id, o.ordered_at, count(*) AS lines, sum(l.quantity * l.price_cents) AS total_cents "
     "FROM orders o JOIN order_lines l ON l.order_id = o.id WHERE o.customer_id = $1::integer "
     "GROUP BY o.id ORDER BY o.id DESC LIMIT 20"},

    // The heavy one: every order line and review of a category.
    {"category_stats",
     "SELECT c.id, c.name, s.products, s.price_cents_avg, s.in_stock, l.sold, l.revenue_cents, l.buyers, "
     "r.reviews, r.stars_avg FROM categories c, "
     "LATERAL (SELECT count(*) AS products, round(avg(p.price_cents)) AS price_cents_avg, "
     "sum(k.quantity) AS in_stock FROM products p JOIN stock k ON k.product_id = p.id "
     "WHERE p.category_id = c.id) s, "
     "LATERAL (SELECT sum(l.quantity) AS sold, sum(l.quantity * l.price_cents) AS revenue_cents, "
     "count(DISTINCT o.customer_id) AS buyers FROM products p JOIN order_lines l ON l.product_id = p.id "
     "JOIN orders o ON o.id = l.order_id WHERE p.category_id = c.id) l, "
     "LATERAL (SELECT count(*) AS reviews, round(avg(r.stars), 2) AS stars_avg FROM products p "
     "JOIN reviews r ON r.product_id = p.id WHERE p.category_id = c.id) r "
     "WHERE c.id = $1::integer"},

    {"add_order", "INSERT INTO orders (customer_id) VALUES ($1::integer) RETURNING id"},

    {"add_order_line",
     "INSERT INTO order_lines (order_id, line_no, product_id, quantity, price_cents) "
     "SELECT $1::bigint, $2::integer, id, $4::integer, price_cents FROM products WHERE id = $3::integer"},

    {"take_stock",
     "UPDATE stock SET quantity = quantity - $2::integer "
     "WHERE product_id = $1::integer AND quantity >= $2::integer"},

    {"add_review",
     "INSERT INTO reviews (product_id, customer_id, stars, body) "
     "VALUES ($1::integer, $2::integer, $3::integer, $4::text) RETURNING id"},
}};

}  // namespace shop
