/* lookup NAME|-x ADDRESS: what the C library's resolver says, a line each; exit code 2 when there is no such name. */
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <arpa/inet.h>

int main(int count, char **words) {
  struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
  char text[NI_MAXHOST];
  int reverse = count == 3 && strcmp(words[1], "-x") == 0;
  int code = getaddrinfo(words[count - 1], NULL, &hints, &found);
  for (; code == 0 && found; found = found->ai_next) {
    int flags = reverse ? NI_NAMEREQD : NI_NUMERICHOST;
    code = getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, NULL, 0, flags);
    if (code == 0) puts(text);
  }
  if (code == EAI_NONAME) return 2;
  if (code != 0) fprintf(stderr, "%s\n", gai_strerror(code));
  return code != 0;
}
