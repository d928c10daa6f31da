// Who an HTTP request is addressed to and comes from, against pages that reach a local server
// through a DNS name of their own (rebinding) or from another site.
#pragma once

#include <string>
#include <string_view>

namespace pgweir::admin {

// "name", "name:port", "[::1]:port" -> the host in lower case, without brackets, port and final dot;
// empty if it is not of that form.
std::string host_of(std::string_view host_field);

// host as from host_of(). local_address: the address that the client reached, as text.
bool is_own_host(std::string_view host, std::string_view listen_host, std::string_view local_address);

// Whether an Origin field is the page's own: http or https and the very same Host field.
bool is_same_origin(std::string_view origin_field, std::string_view host_field);

}  // namespace pgweir::admin
