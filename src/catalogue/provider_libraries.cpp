// SPDX-License-Identifier: MIT
//
// Libraries that are no allocator and no libc, and have hung forked children in the field: thread
// pools that do not exist in the child, and locks that a thread of the parent held.
//
// Listed is where programs enter a library, not what such a call goes through inside: PQexec, and
// not PQsendQuery; curl_easy_perform, and not curl_multi_perform. OPENSSL_init_* are the exception:
// most of OpenSSL goes through them, and they are what waits.
#include "catalogue/provider_catalogue.h"

namespace forkmon {
namespace {

using C = Category;
using T = Tier;
using R = Repair;
using Names = std::string_view[];

constexpr std::string_view team = "the thread pool, whose threads the child does not have";
constexpr std::string_view gomp_lock = "gomp_managed_threads_lock and the critical section's lock";
constexpr std::string_view kmp = "__kmp_forkjoin_lock and the pool's suspend mutexes";
constexpr std::string_view ossl = "OpenSSL's CRYPTO_THREAD locks of its global tables";
constexpr std::string_view ossl_rand = "the locks of OpenSSL's random generators";
constexpr std::string_view ctx = "the SSL_CTX's lock, and OpenSSL's global ones";
constexpr std::string_view curl_init = "curl_global_init's lock, and those of its TLS library";
constexpr std::string_view curl_share =
    "locks of its resolver thread, its TLS library, shared caches";
constexpr std::string_view blas_pool = "server_lock and alloc_lock; threads that are not there";
constexpr std::string_view pq_lock = "locks of its TLS library, and the connection's socket";
constexpr std::string_view grpc_lock = "g_init_mu, and the poller's and executor's mutexes";

constexpr std::string_view h_omp =
    "Run no parallel region in the child: fork before the first one, start workers with spawn or "
    "forkserver, or set OMP_NUM_THREADS=1.";
constexpr std::string_view h_kmp =
    "Start workers with spawn or forkserver, or fork before the first parallel region.";
constexpr std::string_view h_ssl =
    "Open TLS contexts in a process made by exec, or before fork and before threads start.";
constexpr std::string_view h_rand = "Use getrandom(2) in the child.";
constexpr std::string_view h_curl_init =
    "Call curl_global_init once in main, before threads and forks.";
constexpr std::string_view h_curl =
    "Transfer in a process made by exec; a handle of the parent belongs to the parent.";
constexpr std::string_view h_blas =
    "Start workers with spawn or forkserver, or set OPENBLAS_NUM_THREADS=1.";
constexpr std::string_view h_pq =
    "Connect in a process made by exec; never use or close the parent's connection in the child.";
constexpr std::string_view h_grpc =
    "Use gRPC after fork only, or in a process made by exec; GRPC_ENABLE_FORK_SUPPORT=1 helps "
    "only where no call is running at the fork.";

// clang-format off
constexpr CatalogueEntry gomp_functions[] = {
  {"GOMP_parallel", C::openmp, T::cold, team, R::per_build, h_omp},
  {"GOMP_parallel_start", C::openmp, T::cold, team, R::per_build, h_omp},
  {"GOMP_parallel_reductions", C::openmp, T::cold, team, R::per_build, h_omp},
  {"GOMP_parallel_sections", C::openmp, T::cold, team, R::per_build, h_omp},
  {"GOMP_parallel_loop_static", C::openmp, T::cold, team, R::per_build, h_omp},
  {"GOMP_parallel_loop_dynamic", C::openmp, T::cold, team, R::per_build, h_omp},
  {"GOMP_parallel_loop_guided", C::openmp, T::cold, team, R::per_build, h_omp},
  {"GOMP_parallel_loop_runtime", C::openmp, T::cold, team, R::per_build, h_omp},
  {"GOMP_parallel_loop_nonmonotonic_dynamic", C::openmp, T::cold, team, R::per_build, h_omp},
  {"GOMP_parallel_loop_nonmonotonic_guided", C::openmp, T::cold, team, R::per_build, h_omp},
  {"GOMP_teams_reg", C::openmp, T::cold, team, R::per_build, h_omp},
  {"GOMP_barrier", C::openmp, T::cold, team, R::per_build, h_omp},
  {"GOMP_taskwait", C::openmp, T::cold, team, R::per_build, h_omp},
  {"GOMP_critical_start", C::openmp, T::cold, gomp_lock, R::per_build, h_omp},
  {"GOMP_critical_name_start", C::openmp, T::cold, gomp_lock, R::per_build, h_omp},
  {"omp_set_lock", C::openmp, T::cold, "the OpenMP lock", R::application, h_omp},
};

// GOMP_* come along for programs that gcc compiled.
constexpr CatalogueEntry kmp_functions[] = {
  {"__kmpc_fork_call", C::openmp, T::cold, kmp, R::per_build, h_kmp},
  {"__kmpc_fork_teams", C::openmp, T::cold, kmp, R::per_build, h_kmp},
  {"__kmpc_barrier", C::openmp, T::cold, kmp, R::per_build, h_kmp},
  {"__kmpc_critical", C::openmp, T::cold, kmp, R::per_build, h_kmp},
  {"__kmpc_critical_with_hint", C::openmp, T::cold, kmp, R::per_build, h_kmp},
  {"__kmpc_omp_task", C::openmp, T::cold, kmp, R::per_build, h_kmp},
  {"__kmpc_omp_taskwait", C::openmp, T::cold, kmp, R::per_build, h_kmp},
  {"GOMP_parallel", C::openmp, T::cold, kmp, R::per_build, h_kmp},
  {"GOMP_barrier", C::openmp, T::cold, kmp, R::per_build, h_kmp},
  {"omp_set_lock", C::openmp, T::cold, "the OpenMP lock", R::application, h_kmp},
};

// OpenSSL 1.1.1 registers at-fork handlers, yet for its random generators alone; 3 registers none.
constexpr CatalogueEntry crypto_functions[] = {
  {"OPENSSL_init_crypto", C::crypto, T::cold, ossl, R::no, h_ssl},
  {"OPENSSL_cleanup", C::crypto, T::cold, ossl, R::no, h_ssl},
  {"OSSL_LIB_CTX_new", C::crypto, T::cold, ossl, R::no, h_ssl},
  {"OSSL_PROVIDER_load", C::crypto, T::cold, ossl, R::no, h_ssl},
  {"EVP_MD_fetch", C::crypto, T::cold, ossl, R::no, h_ssl},
  {"EVP_CIPHER_fetch", C::crypto, T::cold, ossl, R::no, h_ssl},
  {"EVP_PKEY_CTX_new_from_name", C::crypto, T::cold, ossl, R::no, h_ssl},
  {"EVP_PKEY_keygen", C::crypto, T::cold, ossl_rand, R::no, h_ssl},
  {"RAND_bytes", C::crypto, T::cold, ossl_rand, R::no, h_rand},
  {"RAND_priv_bytes", C::crypto, T::cold, ossl_rand, R::no, h_rand},
  {"X509_STORE_load_locations", C::crypto, T::cold, ossl, R::no, h_ssl},
};

constexpr CatalogueEntry ssl_functions[] = {
  {"OPENSSL_init_ssl", C::crypto, T::cold, ossl, R::no, h_ssl},
  {"SSL_CTX_new", C::crypto, T::cold, ossl, R::no, h_ssl},
  {"SSL_CTX_free", C::crypto, T::cold, ctx, R::no, h_ssl},
  {"SSL_CTX_load_verify_locations", C::crypto, T::cold, ctx, R::no, h_ssl},
  {"SSL_new", C::crypto, T::cold, ctx, R::no, h_ssl},
  {"SSL_connect", C::crypto, T::cold, ctx, R::no, h_ssl},
  {"SSL_accept", C::crypto, T::cold, ctx, R::no, h_ssl},
  {"SSL_read", C::crypto, T::cold, ctx, R::no, h_ssl},
  {"SSL_write", C::crypto, T::cold, ctx, R::no, h_ssl},
};

constexpr CatalogueEntry curl_functions[] = {
  {"curl_global_init", C::network, T::cold, curl_init, R::no, h_curl_init},
  {"curl_global_cleanup", C::network, T::cold, curl_init, R::no, h_curl_init},
  {"curl_easy_init", C::network, T::cold, curl_init, R::no, h_curl},
  {"curl_easy_perform", C::network, T::cold, curl_share, R::no, h_curl},
  {"curl_easy_cleanup", C::network, T::cold, curl_share, R::no, h_curl},
  {"curl_multi_init", C::network, T::cold, curl_init, R::no, h_curl},
  {"curl_multi_socket_action", C::network, T::cold, curl_share, R::no, h_curl},
};

constexpr CatalogueEntry openblas_functions[] = {
  {"cblas_sgemm", C::blas, T::cold, blas_pool, R::per_build, h_blas},
  {"cblas_dgemm", C::blas, T::cold, blas_pool, R::per_build, h_blas},
  {"cblas_cgemm", C::blas, T::cold, blas_pool, R::per_build, h_blas},
  {"cblas_zgemm", C::blas, T::cold, blas_pool, R::per_build, h_blas},
  {"cblas_sgemv", C::blas, T::cold, blas_pool, R::per_build, h_blas},
  {"cblas_dgemv", C::blas, T::cold, blas_pool, R::per_build, h_blas},
  {"cblas_ssyrk", C::blas, T::cold, blas_pool, R::per_build, h_blas},
  {"cblas_dsyrk", C::blas, T::cold, blas_pool, R::per_build, h_blas},
  {"sgemm_", C::blas, T::cold, blas_pool, R::per_build, h_blas},
  {"dgemm_", C::blas, T::cold, blas_pool, R::per_build, h_blas},
  {"cgemm_", C::blas, T::cold, blas_pool, R::per_build, h_blas},
  {"zgemm_", C::blas, T::cold, blas_pool, R::per_build, h_blas},
  {"sgemv_", C::blas, T::cold, blas_pool, R::per_build, h_blas},
  {"dgemv_", C::blas, T::cold, blas_pool, R::per_build, h_blas},
  {"sgetrf_", C::blas, T::cold, blas_pool, R::per_build, h_blas},
  {"dgetrf_", C::blas, T::cold, blas_pool, R::per_build, h_blas},
  {"sgesv_", C::blas, T::cold, blas_pool, R::per_build, h_blas},
  {"dgesv_", C::blas, T::cold, blas_pool, R::per_build, h_blas},
  {"spotrf_", C::blas, T::cold, blas_pool, R::per_build, h_blas},
  {"dpotrf_", C::blas, T::cold, blas_pool, R::per_build, h_blas},
  {"openblas_set_num_threads", C::blas, T::cold, blas_pool, R::per_build, h_blas},
};

constexpr CatalogueEntry pq_functions[] = {
  {"PQconnectdb", C::database, T::cold, pq_lock, R::no, h_pq},
  {"PQconnectdbParams", C::database, T::cold, pq_lock, R::no, h_pq},
  {"PQsetdbLogin", C::database, T::cold, pq_lock, R::no, h_pq},
  {"PQreset", C::database, T::cold, pq_lock, R::no, h_pq},
  {"PQfinish", C::database, T::cold, pq_lock, R::no, h_pq},
  {"PQexec", C::database, T::cold, pq_lock, R::no, h_pq},
  {"PQexecParams", C::database, T::cold, pq_lock, R::no, h_pq},
  {"PQexecPrepared", C::database, T::cold, pq_lock, R::no, h_pq},
  {"PQprepare", C::database, T::cold, pq_lock, R::no, h_pq},
};

// gRPC registers its handlers always and runs them where GRPC_ENABLE_FORK_SUPPORT says so.
constexpr CatalogueEntry grpc_functions[] = {
  {"grpc_init", C::rpc, T::cold, grpc_lock, R::no, h_grpc},
  {"grpc_shutdown", C::rpc, T::cold, grpc_lock, R::no, h_grpc},
  {"grpc_channel_create", C::rpc, T::cold, grpc_lock, R::no, h_grpc},
  {"grpc_insecure_channel_create", C::rpc, T::cold, grpc_lock, R::no, h_grpc},
  {"grpc_secure_channel_create", C::rpc, T::cold, grpc_lock, R::no, h_grpc},
  {"grpc_channel_create_call", C::rpc, T::cold, grpc_lock, R::no, h_grpc},
  {"grpc_channel_destroy", C::rpc, T::cold, grpc_lock, R::no, h_grpc},
  {"grpc_call_start_batch", C::rpc, T::cold, grpc_lock, R::no, h_grpc},
  {"grpc_completion_queue_next", C::rpc, T::cold, grpc_lock, R::no, h_grpc},
  {"grpc_completion_queue_pluck", C::rpc, T::cold, grpc_lock, R::no, h_grpc},
  {"grpc_server_create", C::rpc, T::cold, grpc_lock, R::no, h_grpc},
  {"grpc_server_start", C::rpc, T::cold, grpc_lock, R::no, h_grpc},
};
// clang-format on

// Python wheels bring copies under names of their own: libgomp-a34b3233.so.1.0.0.
constexpr Names no_prefix = {""};
constexpr Names gomp_sonames = {"libgomp.so*", "libgomp-*.so*"};
constexpr Names kmp_sonames = {"libomp.so*", "libomp-*.so*", "libomp5.so*", "libiomp5.so*",
                               "libiomp5-*.so*"};
constexpr Names kmp_marks = {"__kmpc_fork_call"};
constexpr Names crypto_sonames = {"libcrypto.so*", "libcrypto-*.so*"};
constexpr Names crypto_marks = {"OPENSSL_init_crypto"};
constexpr Names ssl_sonames = {"libssl.so*", "libssl-*.so*"};
constexpr Names ssl_marks = {"OPENSSL_init_ssl"};
constexpr Names curl_sonames = {"libcurl.so*", "libcurl-*.so*"};
constexpr Names curl_marks = {"curl_global_init"};
// scipy's and numpy's wheels put 64_ or scipy_ around the names; those are not listed.
constexpr Names openblas_sonames = {"libopenblas*.so*"};
constexpr Names openblas_marks = {"openblas_set_num_threads"};
constexpr Names pq_sonames = {"libpq.so*", "libpq-*.so*"};
constexpr Names pq_marks = {"PQconnectdb"};
constexpr Names grpc_sonames = {"libgrpc.so*", "libgrpc_unsecure.so*"};
constexpr Names grpc_marks = {"grpc_init"};

constexpr auto library = ProviderKind::library;

constexpr Provider all[] = {
    {"LLVM OpenMP", library, kmp_sonames, kmp_marks, no_prefix, kmp_functions},
    {"GNU OpenMP", library, gomp_sonames, {}, no_prefix, gomp_functions},
    {"OpenSSL libssl", library, ssl_sonames, ssl_marks, no_prefix, ssl_functions},
    {"OpenSSL libcrypto", library, crypto_sonames, crypto_marks, no_prefix, crypto_functions},
    {"libcurl", library, curl_sonames, curl_marks, no_prefix, curl_functions},
    {"OpenBLAS", library, openblas_sonames, openblas_marks, no_prefix, openblas_functions},
    {"libpq", library, pq_sonames, pq_marks, no_prefix, pq_functions},
    {"gRPC", library, grpc_sonames, grpc_marks, no_prefix, grpc_functions},
};

} // namespace

std::span<const Provider> library_providers() {
  return all;
}

} // namespace forkmon
