/* The classic servers at their smallest: what a model costs without HTTP.
 *
 *     cc -O2 -o minimal minimal.c -pthread
 *     ./minimal iterative|fork|prefork|thread|epoll PORT
 *
 * Each answers every request with the same 13 bytes and parses nothing: a request is taken to end
 * where a read ends in an empty line. A client may keep its connection. They are peers for a
 * comparison (`servers bench --peers`), not servers for use: no deadline, no limit, no error page.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 16, EVENTS = 256, BUFFER = 4096, BACKLOG = 511 };

static const char kept[] = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, World!";
static const char last[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 13\r\nConnection: close\r\n\r\nHello, World!";

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* Answers one request. Returns 0 if the connection is over. */
static int answer(int client)
{
    char buffer[BUFFER];
    ssize_t got = read(client, buffer, sizeof buffer - 1);
    if (got <= 0)
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    buffer[got] = 0;
    int closes = strstr(buffer, "Connection: close") != NULL;
    const char *text = closes ? last : kept;
    size_t length = closes ? sizeof last - 1 : sizeof kept - 1;
    if (write(client, text, length) != (ssize_t)length || closes)
        return 0;
    return 1;
}

static void serve(int client)
{
    while (answer(client))
        ;
    close(client);
}

static int listen_on(int port)
{
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) < 0)
        fail("bind");
    if (listen(listener, BACKLOG) < 0)
        fail("listen");
    return listener;
}

static void iterative(int listener)
{
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client >= 0)
            serve(client);
    }
}

/* The kernel adds a child's CPU time to its parent's only if the parent waits for it, so SIG_IGN,
 * which is shorter, would hide most of what this server costs. */
static void reap(int signal)
{
    int saved = errno;
    (void)signal;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    errno = saved;
}

static void forking(int listener)
{
    signal(SIGCHLD, reap);
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0)
            continue;
        if (fork() == 0) {
            close(listener);
            serve(client);
            _exit(0);
        }
        close(client);
    }
}

static void preforking(int listener)
{
    for (int child = 0; child < CHILDREN; child++)
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL); /* no orphans */
            iterative(listener);
        }
    for (;;)
        pause();
}

static void *serve_in_thread(void *client)
{
    serve((int)(intptr_t)client);
    return NULL;
}

static void threading(int listener)
{
    for (;;) {
        pthread_t thread;
        int client = accept(listener, NULL, NULL);
        if (client < 0)
            continue;
        if (pthread_create(&thread, NULL, serve_in_thread, (void *)(intptr_t)client) != 0)
            close(client);
        else
            pthread_detach(thread);
    }
}

static void polling(int listener)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[EVENTS];
    int loop = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(loop, events, EVENTS, -1);
        for (int index = 0; index < ready; index++) {
            int fd = events[index].data.fd;
            if (fd != listener) {
                if (!answer(fd))
                    close(fd);
                continue;
            }
            event.data.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (event.data.fd >= 0)
                epoll_ctl(loop, EPOLL_CTL_ADD, event.data.fd, &event);
        }
    }
}

/* Ends the whole group, children included, and this process without an error. */
static void stop(int number)
{
    (void)number;
    signal(SIGTERM, SIG_IGN);
    kill(0, SIGTERM);
    _exit(0);
}

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        void (*run)(int listener);
    } models[] = {
        {"iterative", iterative}, {"fork", forking}, {"prefork", preforking},
        {"thread", threading},    {"epoll", polling},
    };
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, stop);
    for (size_t index = 0; count == 3 && index < sizeof models / sizeof *models; index++)
        if (strcmp(arguments[1], models[index].name) == 0)
            models[index].run(listen_on(atoi(arguments[2])));
    fprintf(stderr, "usage: %s iterative|fork|prefork|thread|epoll PORT\n", arguments[0]);
    return 2;
}
