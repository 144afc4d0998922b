/* SPDX-License-Identifier: MIT */
/* Ends at once: -p may find it alive or gone. */
int main(void) {
  return 0;
}
